#!/usr/bin/env bash
# From a fresh clone to a trained policy at work in a simulated cluster, in a few minutes. Needs no cluster.
# Can be run again: the quickstart/ folder is overwritten.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n==> %s\n' "$1"; }

say "Setting up: Debian packages and the Swift toolchain"
scripts/setup.sh

say "Building MARLISE in release (the first build takes a few minutes)"
swift build -c release --product marlise
marlise="$(swift build -c release --show-bin-path)/marlise"

say "Training: three agents learn on a day-and-night load for 300 episodes"
"$marlise" train --algorithm mdqn --workload diurnal --episodes 300 --seed 1 --out quickstart/mdqn --force

say "Evaluating: the trained policy against the baselines, on the same load"
"$marlise" eval --checkpoint quickstart/mdqn/best.h5 --workload diurnal

say "Inferring: the policy resizes the pods of a simulated cluster for 60 simulated seconds"
"$marlise" infer --cluster simulated --load_model quickstart/mdqn/best.h5 --duration 60 --fast

say "Done: the policy is in quickstart/mdqn; '$marlise --help' shows what else there is"
