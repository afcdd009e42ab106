"""Lets `python -m chatkeep` do what `chatkeep` does."""

from chatkeep.cli import main

main()
