#!/usr/bin/env bash
# The four lines as they stand, on any tree in Phoenix2014's layout, with the tiny preset so that a CPU will do.
# Usage: examples/four_lines.sh DATA, from an empty folder: artifacts go to ./sla-work.
set -euo pipefail
if [ $# -lt 1 ]; then
  echo "error: usage: examples/four_lines.sh DATA" >&2
  exit 2
fi
data=$1

sla prep phoenix2014 "$data"
sla train --variant adapter --preset tiny
sla lm estimate
sla decode --lm gloss.arpa
sla score
