#!/usr/bin/env bash
# Builds the image and deploys an overlay of configs/kubernetes to a k3s cluster that scripts/k3s/setup.sh has set up. Can be
# run again: what is there is brought up to date.
#
#   scripts/k3s/deploy_all.sh [--overlay NAME] [--image FILE] [--dry-run]
set -euo pipefail
cd "$(dirname "$0")/../.."
script=deploy_all
usage="[--overlay central|demo|monitoring|demo-node-agent|shared-pool] [--image FILE] [--dry-run]"
kubectl=(k3s kubectl)
import=(k3s ctr images import)
# shellcheck source=scripts/cluster/common.sh
. scripts/cluster/common.sh

parse_deploy "$@"
need k3s "run scripts/k3s/setup.sh first"
deploy
