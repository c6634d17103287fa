#!/usr/bin/env bash
# Installs microk8s, ready for resizing pods in place. Needs root and snapd. Changes nothing where all is there.
#
#   scripts/microk8s/setup.sh [--version 1.N] [--dry-run]
set -euo pipefail
cd "$(dirname "$0")/../.."
script=setup
usage="[--version 1.N] [--dry-run]"
# shellcheck source=scripts/cluster/common.sh
. scripts/cluster/common.sh

parse_setup "$@"
need_root
need snap "install snapd"
if is_there snap list microk8s; then
  say "microk8s is there"
else
  say "Installing microk8s $version"
  run snap install microk8s --classic "--channel=$version/stable"
fi
if [ "$minor" -lt "$gate_free" ]; then
  say "Turning on the feature gate, which $version does not do by itself"
  gate=--feature-gates=InPlacePodVerticalScaling=true
  arguments=/var/snap/microk8s/current/args
  changed=no
  for component in kube-apiserver kube-controller-manager kube-scheduler kubelet; do
    if is_there grep -qxF -- "$gate" "$arguments/$component"; then continue; fi
    run_shell "echo $gate >>$arguments/$component"
    changed=yes
  done
  if [ "$changed" = yes ]; then
    run microk8s stop
    run microk8s start
  fi
fi
say "Waiting until it is up"
run microk8s status --wait-ready --timeout 300
say "Turning on names and metrics"
run microk8s enable dns
run microk8s enable metrics-server
run microk8s kubectl wait --for condition=Ready node --all --timeout 300s
