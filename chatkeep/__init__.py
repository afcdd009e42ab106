"""The front door: the command line and its settings."""

__version__ = "0.1.0"
