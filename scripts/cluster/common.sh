#!/usr/bin/env bash
# What the scripts for microk8s and k3s share; they source it. Each names itself in `script` and its cluster's commands in
# `kubectl` and `import`. With --dry-run nothing is executed: every command is printed as on a machine where nothing is there yet.
#
# shellcheck disable=SC2034,SC2154 # what is assigned here is used there, and the other way round
set -euo pipefail

# The minor version from which pods are resized in place without a feature gate.
gate_free=33
dry_run=no

# The one sentence for arguments that cannot be.
refuse() {
  echo "$script: $1; usage: $0 $usage" >&2
  exit 2
}

fail() {
  echo "$script: $1" >&2
  exit 1
}

say() { printf '==> %s\n' "$1"; }

# Prints a command, and executes it unless this is a rehearsal.
run() {
  printf '+'
  printf ' %q' "$@"
  printf '\n'
  if [ "$dry_run" = no ]; then "$@"; fi
}

# The same for what needs a shell, such as a pipe.
run_shell() {
  printf '+ %s\n' "$1"
  if [ "$dry_run" = no ]; then bash -euo pipefail -c "$1"; fi
}

# Whether something is there already; in a rehearsal nothing is.
is_there() { [ "$dry_run" = no ] && "$@" >/dev/null 2>&1; }

need() {
  if [ "$dry_run" = no ] && ! command -v "$1" >/dev/null; then fail "$1 is needed: $2"; fi
}

need_root() {
  if [ "$dry_run" = no ] && [ "$(id -u)" != 0 ]; then fail "this installs a cluster and needs root"; fi
}

# A folder of our own for files on their way, removed at the end. Sets `scratch`.
make_scratch() {
  scratch=SCRATCH
  if [ "$dry_run" = no ]; then
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
  fi
}

# Options of setup.sh: the version as 1.N. Sets `version` and `minor`.
parse_setup() {
  version=1.36
  while [ $# -gt 0 ]; do
    case $1 in
      --dry-run) dry_run=yes ;;
      --version)
        [ $# -ge 2 ] || refuse "--version expects a version such as 1.36"
        version=$2
        shift
        ;;
      --help)
        echo "usage: $0 $usage"
        exit 0
        ;;
      *) refuse "unknown argument '$1'" ;;
    esac
    shift
  done
  if ! [[ $version =~ ^1\.([0-9]{1,3})$ ]] || [ "${BASH_REMATCH[1]}" -lt 27 ]; then
    refuse "version '$version' cannot resize pods in place: 1.27 is the oldest that can"
  fi
  minor=${BASH_REMATCH[1]}
}

# Options of deploy_all.sh and teardown.sh. Sets `overlay` and `image`.
parse_deploy() {
  overlay=demo
  image=
  while [ $# -gt 0 ]; do
    case $1 in
      --dry-run) dry_run=yes ;;
      --overlay)
        [ $# -ge 2 ] || refuse "--overlay expects a name"
        overlay=$2
        shift
        ;;
      --image)
        [ "$script" = "${script#*teardown}" ] || refuse "unknown argument '$1'"
        [ $# -ge 2 ] || refuse "--image expects a file written by docker save"
        image=$2
        shift
        ;;
      --help)
        echo "usage: $0 $usage"
        exit 0
        ;;
      *) refuse "unknown argument '$1'" ;;
    esac
    shift
  done
  case $overlay in
    central | demo | monitoring) home=marlise actors=deployment/marlise ;;
    demo-node-agent) home=marlise-agents actors=daemonset/marlise-agent ;;
    shared-pool) home=marlise-agents actors="daemonset/marlise-agent deployment/marlise-share" ;;
    *) refuse "unknown overlay '$overlay', expected central, demo, monitoring, demo-node-agent or shared-pool" ;;
  esac
  if [ -n "$image" ] && [ "$dry_run" = no ] && [ ! -f "$image" ]; then refuse "there is no file $image"; fi
}

# Brings the image into the cluster, which has no registry to take it from.
load_image() {
  local tag
  tag=$(sed -n 's/^ *newTag: *//p' configs/kubernetes/central/kustomization.yaml)
  if [ -z "$image" ]; then
    need docker "it builds the image; or give --image FILE, written by docker save"
    say "Building the image (the first time takes a quarter of an hour)"
    run docker build --tag "marlise:$tag" .
    make_scratch
    image=$scratch/marlise-$tag.tar
    run docker save --output "$image" "marlise:$tag"
    say "Bringing it into the cluster"
    run "${import[@]}" "$image"
  else
    say "Bringing the image into the cluster"
    run "${import[@]}" "$image"
  fi
}

# The token that changes demand; one that is there stays.
make_token() {
  if is_there "${kubectl[@]}" --namespace "$home" get secret marlise-token; then return; fi
  say "Making the token that changes demand"
  if ! is_there "${kubectl[@]}" get namespace "$home"; then run "${kubectl[@]}" create namespace "$home"; fi
  # By a pipe: what stands on a command line can be seen by everybody.
  run_shell "head -c 24 /dev/urandom | base64 | tr -d '\n' | ${kubectl[*]} --namespace $home create secret generic marlise-token --from-file=token=/dev/stdin"
}

deploy() {
  load_image
  make_token
  say "Applying configs/kubernetes/overlays/$overlay"
  run "${kubectl[@]}" apply --kustomize "configs/kubernetes/overlays/$overlay"
  say "Waiting until all is up"
  local actor
  if [ "$overlay" != central ]; then
    run "${kubectl[@]}" --namespace marlise-demo rollout status statefulset/demo --timeout 300s
  fi
  for actor in $actors; do
    run "${kubectl[@]}" --namespace "$home" rollout status "$actor" --timeout 300s
  done
  say "Done. The token for changes:"
  echo "    ${kubectl[*]} --namespace $home get secret marlise-token --output jsonpath={.data.token} | base64 -d"
  if [ "$home" = marlise ]; then
    say "The page, at http://127.0.0.1:8000:"
    echo "    ${kubectl[*]} --namespace marlise port-forward service/marlise 8000"
  fi
  if [ "$overlay" != central ]; then
    say "The limits, as they move:"
    echo "    ${kubectl[*]} --namespace marlise-demo get pods --watch --output custom-columns=POD:.metadata.name,CPU:.spec.containers[0].resources.limits.cpu"
  fi
}

# Whoever acts goes first and puts the original limits back, for which it needs its rights.
teardown() {
  local actor
  say "Ending what acts; it puts the original limits back"
  for actor in $actors; do
    # In the foreground: it is gone when its pods are.
    run "${kubectl[@]}" --namespace "$home" delete "$actor" --ignore-not-found --cascade foreground --timeout 120s
  done
  say "Deleting configs/kubernetes/overlays/$overlay"
  run "${kubectl[@]}" delete --kustomize "configs/kubernetes/overlays/$overlay" --ignore-not-found --timeout 300s
}
