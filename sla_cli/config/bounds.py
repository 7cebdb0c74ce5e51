"""Bounds of settings and options, each with its reason; within them sums and products are finite."""

MANY = 10**9  # for counts: more than any corpus has, and a product of two fits into 64 bits
LARGE = 1e9  # for weights and durations (30 years): products of a few stay finite in float32
WIDE = 1 << 16  # channels: a square matrix of this size takes 16 GiB
LAYERS = 1000  # layers of a network, or frames of a kernel: more than any trained one has
PICTURE = 64_000_000  # pixels of a picture: 8K video has half as many
LONG = 10_000  # frames of a clip, or added to it: minutes, of which each needs memory
PROCESSES = 256  # that load clips
PIXELS = 8000  # pixels of a side: 8K video is 7680 wide, and a square of this side is not above PICTURE
FASTEST = 1000.0  # frames per second: of high-speed cameras
SLOWEST = 1.0  # frames per second: below it nobody signs, and a frame would be repeated without end
RATES = (1e-6, 1e6)  # frames per second of any video: with these, times are finite and have few digits
PIXEL_RATE = 2 * 10**8  # pixels a second: 2500 x 2500 at 30 pictures a second, many times as many as any backbone sees
SEED = 2**63 - 1  # the largest signed number of 64 bits, which JSON, TOML and torch take
WEIGHT = 1000.0  # for weights of a search: e to this power exceeds any ratio of probabilities, and sums stay finite
DEVICES = "auto, cpu, cuda, or cuda:1 for the second GPU."
WEIGHTS = ("hub", "random")  # of a backbone; anything else is a file
BEAM = 10**4  # prefixes: results change little above a hundred, and a clip already takes a minute
GRID = 10**4  # points that a tuning tries: dev is decoded at each, which takes seconds to minutes
