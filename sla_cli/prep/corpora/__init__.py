"""One module a corpus: NAME, FPS, tables(source) and clips(source, split)."""
