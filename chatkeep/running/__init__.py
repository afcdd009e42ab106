"""The scheduled collector at work: its loop, its lanes, its streams."""
