#!/usr/bin/env bash
# From a corpus in Phoenix2014's layout to an error rate, as in the README, with the preset tiny, for which a CPU is enough.
# Usage: examples/four_lines.sh DATA, in an empty folder: artifacts are written to ./sla-work.
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
