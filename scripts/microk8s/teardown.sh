#!/usr/bin/env bash
# Takes away what scripts/microk8s/deploy_all.sh has deployed; the cluster stays. Pods get their original limits back first.
#
#   scripts/microk8s/teardown.sh [--overlay NAME] [--dry-run]
set -euo pipefail
cd "$(dirname "$0")/../.."
script=teardown
usage="[--overlay central|demo|monitoring|demo-node-agent|shared-pool] [--dry-run]"
kubectl=(microk8s kubectl)
# shellcheck source=scripts/cluster/common.sh
. scripts/cluster/common.sh

parse_deploy "$@"
need microk8s "there is no cluster to take anything from"
teardown
