#!/usr/bin/env bash
# The four lines as they stand, on any tree in Phoenix2014's layout, with the tiny preset so that a CPU will do.
# Usage: examples/four_lines.sh DATA, from an empty folder: artifacts go to ./sla-work.
set -euo pipefail
data=${1:?usage: examples/four_lines.sh DATA}

sla prep phoenix2014 "$data"
sla train --variant adapter --preset tiny
sla lm estimate
sla decode --lm gloss.arpa
sla score
