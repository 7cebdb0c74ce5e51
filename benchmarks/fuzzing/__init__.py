"""What `benchmarks/fuzz.py` is made of: files that are changed, in which ways, and who reads them."""
