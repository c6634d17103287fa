#!/usr/bin/env bash
# Installs k3s, ready for resizing pods in place; metrics-server comes with it. Needs root. Changes nothing where all is there.
#
#   scripts/k3s/setup.sh [--version 1.N] [--dry-run]
set -euo pipefail
cd "$(dirname "$0")/../.."
script=setup
usage="[--version 1.N] [--dry-run]"
# shellcheck source=scripts/cluster/common.sh
. scripts/cluster/common.sh

parse_setup "$@"
need_root
need curl "it fetches k3s' installer"
options="server --write-kubeconfig-mode=600"
if [ "$minor" -lt "$gate_free" ]; then
  say "Turning on the feature gate, which $version does not do by itself"
  gate=feature-gates=InPlacePodVerticalScaling=true
  for component in kube-apiserver kube-controller-manager kube-scheduler kubelet; do
    options="$options --$component-arg=$gate"
  done
fi
if is_there k3s --version; then
  say "k3s is there"
else
  say "Installing k3s $version"
  # Fetched whole before it is run: half a script must not be executed.
  make_scratch
  installer=$scratch/install-k3s.sh
  run curl --fail --silent --show-error --location --output "$installer" https://get.k3s.io
  run env "INSTALL_K3S_CHANNEL=v$version" "INSTALL_K3S_EXEC=$options" sh "$installer"
fi
say "Waiting until it is up"
run k3s kubectl wait --for condition=Ready node --all --timeout 300s
run k3s kubectl --namespace kube-system wait --for condition=Available deployment/metrics-server --timeout 300s
