#!/usr/bin/env bash
# The four lines on real people: sentences composed of isolated signs of Indian Sign Language, signers of dev unseen
# in training, a pretrained ViT-S/14 (DINOv2) as frozen backbone. About half an hour a variant on 2 CPU cores.
# Usage: examples/real_signing.sh SHARED [WORK], SHARED holding tools/compose_sentences.py and data/weights.
set -euo pipefail
shared=${1:?usage: examples/real_signing.sh SHARED [WORK]}
export SLA_WORK=${2:-sla-work-real}
mkdir -p "$SLA_WORK"

[ -d "$SLA_WORK/data" ] || python "$shared/tools/compose_sentences.py" "$SLA_WORK/data" --train 400 --dev 60
sla prep phoenix2014 "$SLA_WORK/data" --size 128
# Eight glosses are too few to estimate discounts from, hence --fallback.
sla lm --order 2 --fallback --output "$SLA_WORK/gloss.arpa"

for variant in adapter lora frozen; do
  [ -f "$SLA_WORK/runs/$variant/receipt.json" ] || sla train --variant "$variant" --name "$variant" \
    --backbone vit_small_patch14_dinov2 --weights "$shared/data/weights/vit_small_patch14_dinov2-img224.fp16.safetensors" \
    --image-size 112 --layers last:4 --epochs 5 --batch 4 --lr 5e-4 --set train.milestones=[3,4] --set train.flip=0 \
    --precision bf16
  run=$SLA_WORK/runs/$variant out=$SLA_WORK/$variant
  sla decode "$run" --beam 1 -o "$out-greedy.tsv"
  sla decode "$run" -o "$out-beam.tsv"
  sla decode "$run" --lm "$SLA_WORK/gloss.arpa" --alpha 0.5 --beta 1.5 --beam 10 -o "$out-lm.tsv"
  sla decode "$run" --lm "$SLA_WORK/gloss.arpa" --tune -j 2
  sla decode "$run" --lm "$SLA_WORK/gloss.arpa" -o "$out-tuned.tsv"
  sla score "$out-greedy.tsv" "$out-beam.tsv" "$out-lm.tsv" "$out-tuned.tsv"
  # What the language model gains, with its interval. The second flatters: it was tuned on these very clips.
  sla compare "$out-beam.tsv" "$out-lm.tsv"
  sla compare "$out-beam.tsv" "$out-tuned.tsv"
done
