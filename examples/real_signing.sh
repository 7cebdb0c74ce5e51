#!/usr/bin/env bash
# Makes the table of docs/experiments/one-division.md on real people: sentences composed of isolated signs of Indian Sign Language, signers of
# dev that are not in train, a pretrained ViT-S/14 (DINOv2) as frozen backbone. A run takes about 25 minutes on one CPU core.
# Finished runs are not trained again.
# Usage: examples/real_signing.sh SHARED [WORK]; SHARED contains tools/compose_sentences.py and data/weights.
set -euo pipefail
refuse() {
  echo "error: $1" >&2
  exit 2
}
[ $# -ge 1 ] || refuse "usage: examples/real_signing.sh SHARED [WORK]"
shared=$1
for file in tools/compose_sentences.py data/weights/vit_small_patch14_dinov2-img224.fp16.safetensors; do
  [ -f "$shared/$file" ] || refuse "no such file: $shared/$file"
done
export SLA_WORK=${2:-sla-work-real}
mkdir -p "$SLA_WORK" || exit 2

[ -d "$SLA_WORK/data" ] || python "$shared/tools/compose_sentences.py" "$SLA_WORK/data" --train 400 --dev 60
sla prep phoenix2014 "$SLA_WORK/data" --size 128 --fps 12.5 # every other frame
# Eight glosses are too few to estimate discounts, so --fallback is needed.
sla lm estimate --order 2 --fallback

# NAME SEED OPTION...: half the frames need half the stride (K5,P2). The head of the preset small learns in three epochs what
# the default head with VAC's losses learns in more than five.
run() {
  local name=$1 seed=$2 run=$SLA_WORK/runs/$1-$2 out=$SLA_WORK/$1-$2
  [ -f "$run/receipt.json" ] || sla train "${@:3}" --name "$name-$seed" --seed "$seed" \
    --backbone vit_small_patch14_dinov2 --weights "$shared/data/weights/vit_small_patch14_dinov2-img224.fp16.safetensors" \
    --image-size 112 --layers last:4 --epochs 3 --preset small --set train.flip=0 --set train.min_frames=16 \
    --set head.pattern=K5,P2
  sla decode "$run" --beam 1 -o "$out-greedy.tsv"
  sla decode "$run" -o "$out-beam.tsv"
  sla decode "$run" --lm gloss.arpa -o "$out-lm.tsv"
  sla score "$out-greedy.tsv" "$out-beam.tsv" "$out-lm.tsv"
}

for seed in 0 1; do
  run frozen $seed --variant frozen
  run adapter $seed --variant adapter
  run lora $seed --variant lora
done
run adapter-plain 0 --variant adapter --set adapter.temporal=none
run lora-unshifted 0 --variant lora --set lora.shift=off

# The gain of each over the frozen backbone, with its interval.
for variant in adapter lora adapter-plain lora-unshifted; do
  sla compare "$SLA_WORK/frozen-0-greedy.tsv" "$SLA_WORK/$variant-0-greedy.tsv"
done
