"""One module per platform or file format; a source makes one exchange and parses it, and never sees the store."""
