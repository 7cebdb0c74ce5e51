#!/usr/bin/env bash
# Does adapting the backbone help? Folds by signer on real people, for several numbers of training people (docs/experiments/variants.md,
# people.md).
# The script can be stopped and started again: finished runs are not trained again, and unfinished ones are continued with
# their own settings. So other EPOCHS or OPTIONS need another NAME, which replaces the variant in the names of runs.
# Usage: examples/five_folds.sh RECORDINGS WEIGHTS [WORK]
#   RECORDINGS: the dataset that examples/compose_signs.py names, WEIGHTS: a DINOv2 ViT-S/14 with timm's names.
#   FOLDS, PEOPLE, VARIANTS, SEEDS, EPOCHS select a part, as in FOLDS="1 2" PEOPLE=6; OPTIONS are further options of training,
#   NAME is for one variant: VARIANTS=adapter NAME=adapter-bf16 OPTIONS="--precision bf16".
set -euo pipefail
refuse() {
  echo "error: $1" >&2
  exit 2
}
[ $# -ge 2 ] || refuse "usage: examples/five_folds.sh RECORDINGS WEIGHTS [WORK]"
recordings=$1 weights=$2
[ -f "$weights" ] || refuse "no such weights file: $weights"
export SLA_WORK=${3:-sla-work-folds}
here=$(dirname "$0")
mkdir -p "$SLA_WORK" || exit 2

[ -f "$SLA_WORK/signs/all.tsv" ] || python "$here/compose_signs.py" "$recordings" "$SLA_WORK/signs" --size 96 \
  --sentences "${SENTENCES:-150}"
all=$SLA_WORK/stores/all
[ -f "$all/receipt.json" ] || sla prep folder "$SLA_WORK/signs/all.tsv" --name all --size 96

for people in ${PEOPLE:-6 3 12}; do
  for fold in ${FOLDS:-1 2 3 4 5}; do
    division=fold$fold-$people
    [ -f "$all/divisions/$division.tsv" ] || sla split "$all" --from "$SLA_WORK/signs/$division.tsv"
    for variant in ${VARIANTS:-frozen adapter lora}; do
      for seed in ${SEEDS:-0 1}; do
        name=$division-${NAME:-$variant}-seed$seed
        run=$SLA_WORK/runs/$name
        if [ ! -f "$run/receipt.json" ]; then
          begun=(--resume)
          # run.toml is the last file that a new run writes before training.
          # Half the frames need half the stride.
          # shellcheck disable=SC2206
          [ -f "$run/run.toml" ] || begun=("$all:$division" --variant "$variant" --seed "$seed"
            --backbone vit_small_patch14_dinov2 --weights "$weights" --image-size 84 --layers last:4
            --epochs "${EPOCHS:-4}" --preset small --set train.flip=0 --set train.min_frames=16 --set head.pattern=K5,P2
            ${OPTIONS:-})
          sla train "${begun[@]}" --name "$name"
        fi
        sla decode "$run" --split test --beam 1 -q
      done
    done
  done
done
