"""Asks the platforms and files, and saves what they answered into the archive."""
