#!/usr/bin/env bash
# Trains the policies in checkpoints/ anew and writes the evaluations that they have earned beside them: about half an hour on
# two cores.
# Usage: scripts/ship_checkpoints.sh [NAME...]; without one, all nine. MARLISE names another program.
set -euo pipefail
cd "$(dirname "$0")/.."

marlise=${MARLISE:-$(swift build -c release --show-bin-path)/marlise}
all=(autoscale mdqn dmdqn ddmdqn ppo ippo dppo ddpg iddpg)
names=("$@")
[ ${#names[@]} -gt 0 ] || names=("${all[@]}")

# Where on its front each policy stands that was trained for one, in doublings of its configuration's slo_weight. autoscale: a
# P99 of 225 to 240 ms on calm loads. The others: no more CPU than threshold where bursts make the pool scarce.
declare -A caution=([autoscale]=-0.6 [ppo]=-0.5)

runs=$(mktemp -d)
trap 'rm -rf "$runs"' EXIT

train() {
  local name=$1 best="$runs/$1/best.h5"
  "$marlise" train --config "configs/train/$name.yaml" --out "$runs/$name" --threads 1
  if [ -e "configs/train/$name-refined.yaml" ]; then
    "$marlise" train --config "configs/train/$name-refined.yaml" --load_weights "$best" --out "$runs/$name-refined" \
      --threads 1
    best="$runs/$name-refined/best.h5"
  fi
  if [ -n "${caution[$name]:-}" ]; then
    "$marlise" checkpoint caution "$best" --doublings "${caution[$name]}" --out "checkpoints/$name.h5" --force
  else
    cp "$best" "checkpoints/$name.h5"
  fi
}

# Two trainings at a time, one core each; the longest goes first.
for name in "${names[@]}"; do
  while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n; done
  train "$name" &
done
while [ "$(jobs -rp | wc -l)" -gt 0 ]; do wait -n; done

files=()
for name in "${all[@]}"; do files+=("checkpoints/$name.h5"); done
for workload in diurnal bursty; do
  "$marlise" eval --workload "$workload" --policies static threshold "${files[@]}" --json \
    >"checkpoints/evaluation-$workload.json"
  "$marlise" eval --workload "$workload" --policies static threshold "${files[@]}"
done
