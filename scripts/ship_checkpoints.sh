#!/usr/bin/env bash
# Trains the policies in checkpoints/ anew and writes the evaluation that each has earned beside it.
# Usage: scripts/ship_checkpoints.sh [ALGORITHM...]; without one, all that are shipped. MARLISE names another program.
set -euo pipefail
cd "$(dirname "$0")/.."

marlise=${MARLISE:-$(swift build -c release --show-bin-path)/marlise}
algorithms=("$@")
[ ${#algorithms[@]} -gt 0 ] || algorithms=(mdqn dmdqn ddmdqn ddpg iddpg)

runs=$(mktemp -d)
trap 'rm -rf "$runs"' EXIT
for algorithm in "${algorithms[@]}"; do
  "$marlise" train --config "configs/train/$algorithm.yaml" --out "$runs/$algorithm"
  cp "$runs/$algorithm/best.h5" "checkpoints/$algorithm.h5"
done
for workload in diurnal bursty; do
  files=("${algorithms[@]/#/checkpoints/}")
  "$marlise" eval --workload "$workload" --checkpoint "${files[@]/%/.h5}" --json >"checkpoints/evaluation-$workload.json"
  "$marlise" eval --workload "$workload" --checkpoint "${files[@]/%/.h5}"
done
