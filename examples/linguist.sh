#!/usr/bin/env bash
# From your annotations to glosses of the rest, and back, on drawn people: some recordings are annotated in ELAN, a model
# is trained on them, reads the others, some of what it read is corrected, and joins the annotations.
# docs/elan.md walks through it. On two cores it takes about 8 minutes; with
#   ANNOTATED=6 UNANNOTATED=2 SENTENCES=2 CORRECTED=1 EPOCHS=1
# about one, and nothing is learnt.
# Usage: examples/linguist.sh [FOLDER], an empty or new one, this one if not given.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "${1:-.}" || exit 2
cd "${1:-.}" || exit 2
epochs=${EPOCHS:-30}

# The recordings, in place of your own: corpus/ holds videos and their ELAN files, rest/ videos only. What the linguist
# will make of those is in truth/, and nothing but the correction below looks there.
python "$here/draw_elan.py" draw . --annotated "${ANNOTATED:-18}" --unannotated "${UNANNOTATED:-3}" \
  --sentences "${SENTENCES:-8}"

# Which tiers are there, which of them are taken as glosses, and are the videos found?
sla prep elan corpus --list-tiers

# A clip ends where no sign is for two seconds, so that many clips hold a pause: a model that has never seen one reads
# signs into it. Nobody is in two splits.
sla prep elan corpus --split-by signer --pause 2 --name first --size 128
sla check sla-work/stores/first

# A model for a CPU (docs/training.md, "Small corpora"). Of real people: --preset small --variant adapter, on a GPU.
small=(--preset tiny --batch 1 --epochs "$epochs" --set train.schedule=cosine
  --set loss.distillation=0 --set loss.conv_ctc=0)
sla train sla-work/stores/first --name first "${small[@]}"

# Glosses with times for the rest, in ELAN files beside the videos, on the tier where they are to stay.
sla transcribe rest --run sla-work/runs/first --format eaf --tier RH-IDgloss

# Correct some of them in ELAN: the glosses and their times, and in Tier > Change Tier Attributes who signs
# (participant, else the splits cannot be made by signer) and you as annotator. Here the truth is copied into them.
transcribed=(rest/*.eaf)
corrected=("${transcribed[@]:0:${CORRECTED:-2}}")
python "$here/draw_elan.py" correct truth "${corrected[@]}"

# They join the corpus, each with its video. What is not corrected stays out: a model learns nothing from its own errors.
for eaf in "${corrected[@]}"; do
  mv "$eaf" "${eaf%.eaf}.webm" corpus/
done

# The second store takes the frames of the first from where they lie; only those of the new clips are encoded. Splits are
# drawn again, and people may have moved; a table of files with a column `split` keeps them (docs/elan.md).
sla prep elan corpus --split-by signer --pause 2 --name second --frames-from sla-work/stores/first

# And round again.
sla train sla-work/stores/second --name second "${small[@]}"
