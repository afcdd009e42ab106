"""The shared ground: the words, the SQLite archive, and how to read it. Imports none of our other packages."""
