"""Bounds of settings and options, with a reason each, within which sums and products are finite."""

MANY = 10**9  # of what is counted: more than any corpus holds, and a product of two fits into 64 bits
LARGE = 1e9  # of weights and durations (30 years): products of a few stay finite in float32
WIDE = 1 << 16  # channels: a square matrix of them takes 16 GiB
LAYERS = 1000  # of a network, or frames of a kernel: more than any that was trained
PIXELS = 8192  # of a side: 8K video is 7680 wide
SEED = 2**64 - 1  # torch takes no larger one
WEIGHT = 1000.0  # of a search: e to the power of it is beyond any ratio of probabilities, and sums of it stay finite
DEVICES = "auto, cpu, cuda, or cuda:1 for the second GPU."
WEIGHTS = ("hub", "random")  # of a backbone, which is a file else
BEAM = 10**6  # prefixes: a gigabyte of them
