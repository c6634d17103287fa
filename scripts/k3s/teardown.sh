#!/usr/bin/env bash
# Takes away what scripts/k3s/deploy_all.sh has deployed; the cluster stays. Pods get their original limits back first.
#
#   scripts/k3s/teardown.sh [--overlay NAME] [--dry-run]
set -euo pipefail
cd "$(dirname "$0")/../.."
script=teardown
usage="[--overlay central|demo|monitoring|demo-node-agent|shared-pool] [--dry-run]"
kubectl=(k3s kubectl)
# shellcheck source=scripts/cluster/common.sh
. scripts/cluster/common.sh

parse_deploy "$@"
need k3s "there is no cluster to take anything from"
teardown
