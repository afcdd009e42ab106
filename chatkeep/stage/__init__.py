"""Loopback servers that speak the platforms' protocols: the demo's stage, and the tests'."""
