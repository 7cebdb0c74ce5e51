#!/usr/bin/env bash
# From your annotations to glosses for the other recordings, and back, with drawn people: some recordings are annotated in
# ELAN, a model is trained on them and transcribes the others, some of its transcripts are corrected, and the corrected ones
# are added to the annotations. docs/elan.md explains each step. On two cores it takes about 8 minutes; with
#   ANNOTATED=6 UNANNOTATED=2 SENTENCES=2 CORRECTED=1 EPOCHS=1
# about one minute, but then the model learns nothing.
# Usage: examples/linguist.sh [FOLDER]; FOLDER is empty or new, by default the current folder.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "${1:-.}" || exit 2
cd "${1:-.}" || exit 2
epochs=${EPOCHS:-30}

# Drawn recordings in place of your own: corpus/ has videos and their ELAN files, rest/ only videos. The annotations that the
# linguist will make of those are in truth/; only the correction below reads them.
python "$here/draw_elan.py" draw . --annotated "${ANNOTATED:-18}" --unannotated "${UNANNOTATED:-3}" \
  --sentences "${SENTENCES:-8}"

# Which tiers exist, which of them are used as glosses, and are the videos found?
sla prep elan corpus --list-tiers

# A clip ends at a pause of two seconds, so many clips contain shorter pauses: a model that has never seen a pause recognises
# signs in it.
tiers=(--tier RH-IDgloss --tier LH-IDgloss)
sla prep elan corpus "${tiers[@]}" --pause 2 --size 128

# Divide the clips into train, dev and test. No person is in two splits.
sla split --by signer
sla check

# A model for drawn people, without pretrained weights. For real people docs/guides/rounds.md has another command.
small=(--preset tiny --batch 1 --epochs "$epochs" --set train.schedule=cosine
  --set loss.distillation=0 --set loss.conv_ctc=0)
sla train --name first "${small[@]}"

# Glosses with times for the rest, in ELAN files next to the videos, on the tier SIGN.
sla transcribe rest --run sla-work/runs/first --format eaf

# Correct some of them in ELAN: the glosses and their times, and in Tier > Change Tier Attributes the name RH-IDgloss, the
# signer as participant (otherwise splits by signer are impossible) and yourself as annotator. Here the files of truth/ are
# copied over them.
transcribed=(rest/*.eaf)
corrected=("${transcribed[@]:0:${CORRECTED:-2}}")
python "$here/draw_elan.py" correct truth "${corrected[@]}"

# Add them to the corpus, each with its video. Do not add uncorrected files: a model learns nothing from its own errors.
for eaf in "${corrected[@]}"; do
  mv "$eaf" "${eaf%.eaf}.webm" corpus/
done

# The same commands again: only the frames of the new clips are encoded, and everybody stays in the same split. Only new
# people are drawn.
sla prep elan corpus "${tiers[@]}" --pause 2 --size 128 --force
sla split --by signer

# Train again, on all annotations.
sla train --name second "${small[@]}"
