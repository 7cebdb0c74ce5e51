"""Parts of `benchmarks/fuzz.py`: the files that are changed, the kinds of changes, and the readers."""
