#!/usr/bin/env bash
# Joins the test hypotheses of all folds of examples/five_folds.sh. Each person is tested once, so an interval over signers
# covers all of them. Prints the WER of each variant, and compares each variant with the first.
# Usage: examples/pool_folds.sh [WORK [PEOPLE [VARIANT ...]]]
#   as in: examples/pool_folds.sh sla-work-folds 6 frozen adapter lora
# FOLDS and SEEDS select a part, as in FOLDS="1 2".
set -euo pipefail
export SLA_WORK=${1:-sla-work-folds}
people=${2:-6}
variants=("${@:3}")
[ ${#variants[@]} -gt 0 ] || variants=(frozen adapter lora)
pooled=$SLA_WORK/pooled/$people${FOLDS:+-folds-${FOLDS// /-}}
folder() { echo "$SLA_WORK/hypotheses/fold$3-$people-$1-seed$2"; }  # of variant, seed, fold

for variant in "${variants[@]}"; do
  for seed in ${SEEDS:-0 1}; do
    for fold in ${FOLDS:-1 2 3 4 5}; do
      there=$(folder "$variant" "$seed" "$fold")
      compgen -G "$there/test-greedy-*.tsv" > /dev/null ||
        { echo "error: no hypotheses in $there: examples/five_folds.sh makes them" >&2; exit 2; }
    done
  done
done
mkdir -p "$pooled"

systems=()
for variant in "${variants[@]}"; do
  files=()
  for seed in ${SEEDS:-0 1}; do
    file=$pooled/$variant-seed$seed.csv
    echo id,gloss > "$file"
    for fold in ${FOLDS:-1 2 3 4 5}; do
      found=("$(folder "$variant" "$seed" "$fold")"/test-greedy-*.tsv)
      # Skip comments and the header; take the best hypothesis of each clip.
      awk -F '\t' -v OFS=, '/^#/ {next} !header {header = 1; next} $2 == 1 {print $1, $NF}' "${found[0]}" >> "$file"
    done
    files+=("$file")
  done
  systems+=("$(IFS=,; echo "${files[*]}")")
done

# References of the tested clips.
awk -F '[,\t]' 'NR == FNR {tested[$1]; next} $1 in tested' "${files[0]}" "$SLA_WORK/signs/all.tsv" > "$pooled/references.tsv"
for system in "${systems[@]}"; do
  for file in ${system//,/ }; do
    sla score "$file" --ref "$pooled/references.tsv" --cluster signer
  done
done
for system in "${systems[@]:1}"; do
  sla compare "${systems[0]}" "$system" --ref "$pooled/references.tsv" --cluster signer
done
