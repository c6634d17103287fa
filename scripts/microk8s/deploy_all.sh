#!/usr/bin/env bash
# Builds the image and deploys an overlay of configs/kubernetes to a microk8s cluster that scripts/microk8s/setup.sh has set up. Can be
# run again: what is there is brought up to date.
#
#   scripts/microk8s/deploy_all.sh [--overlay NAME] [--image FILE] [--dry-run]
set -euo pipefail
cd "$(dirname "$0")/../.."
script=deploy_all
usage="[--overlay central|demo|monitoring|demo-node-agent|shared-pool] [--image FILE] [--dry-run]"
kubectl=(microk8s kubectl)
import=(microk8s images import)
# shellcheck source=scripts/cluster/common.sh
. scripts/cluster/common.sh

parse_deploy "$@"
need microk8s "run scripts/microk8s/setup.sh first"
deploy
