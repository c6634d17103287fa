#!/usr/bin/env bash
# Trains the policies in checkpoints/ anew, evaluates them, and writes the evaluations, the cards and the tables of checkpoints/
# and README.md from them. Says how long each part took. Interrupted, it goes on where it stopped: what is finished in the work
# folder is kept as long as its configuration is the same.
#
# Usage: scripts/ship_checkpoints.sh [--eval] [NAME...]
#   --eval    judge the checkpoints that are there, train nothing
#   NAME...   only these policies; without one, all ten
# MARLISE names another program, WORK another work folder (runs/ship), JOBS how many trainings run at a time (2, one core each),
# RECORDINGS a folder of traces (CSV) to judge the policy of choice on as well.
set -euo pipefail
cd "$(dirname "$0")/.."

marlise=${MARLISE:-$(swift build -c release --show-bin-path)/marlise}
work=${WORK:-runs/ship}
jobs=${JOBS:-2}
all=(autoscale calm mdqn dmdqn ddmdqn ppo ippo dppo ddpg iddpg)
trains=yes
names=()
for word in "$@"; do
  case "$word" in
    --eval) trains=no ;;
    -*) echo "ship_checkpoints.sh: unknown option $word, expected --eval or names of policies" >&2; exit 2 ;;
    *)
      [ -e "configs/train/$word.yaml" ] || { echo "ship_checkpoints.sh: no configs/train/$word.yaml" >&2; exit 2; }
      names+=("$word") ;;
  esac
done
[ ${#names[@]} -gt 0 ] || names=("${all[@]}")
[ -x "$marlise" ] || { echo "ship_checkpoints.sh: no program at $marlise; build it, or name one with MARLISE" >&2; exit 1; }

# Where on its front each policy stands that was trained for one, in doublings of its configuration's slo_weight. autoscale: a
# P99 of 225 to 240 ms on calm loads. The others: no more CPU than threshold where bursts make the pool scarce.
declare -A caution=([autoscale]=-0.6 [calm]=0.25 [ppo]=-0.4 [dppo]=-0.8)

mkdir -p "$work"
took() { printf 'ship: %-28s %4d min %02d s\n' "$1" $(((SECONDS - $2) / 60)) $(((SECONDS - $2) % 60)); }

# A training that is done is kept; one that was cut short goes on; one of another configuration begins anew.
run() {
  local folder=$1 config=$2 since=$SECONDS
  shift 2
  # The configuration, and the weights that it begins with.
  local print
  print=$(for file in "configs/train/$config.yaml" "${@:2}"; do sha256sum <"$file"; done)
  if [ -e "$folder/recipe" ] && [ "$(cat "$folder/recipe")" = "$print" ]; then
    if [ -e "$folder/result.json" ] && ! grep -q interrupted "$folder/result.json"; then
      echo "ship: $folder is trained already"
      return
    fi
  else
    rm -rf "$folder"
    mkdir -p "$folder"
    echo "$print" >"$folder/recipe"
  fi
  if [ -e "$folder/last.h5" ]; then
    "$marlise" train --config "configs/train/$config.yaml" --out "$folder" --threads 1 --resume
  else
    "$marlise" train --config "configs/train/$config.yaml" --out "$folder" --threads 1 --force "$@"
  fi
  took "training $config" "$since"
}

train() {
  local name=$1 best="$work/$1/best.h5"
  run "$work/$name" "$name"
  if [ -e "configs/train/$name-refined.yaml" ]; then
    run "$work/$name-refined" "$name-refined" --load_weights "$best"
    best="$work/$name-refined/best.h5"
  fi
  if [ -n "${caution[$name]:-}" ]; then
    "$marlise" checkpoint caution "$best" --doublings "${caution[$name]}" --out "checkpoints/$name.h5" --force
  else
    cp "$best" "checkpoints/$name.h5"
  fi
}

if [ "$trains" = yes ]; then
  since=$SECONDS
  # One core each; the longest goes first.
  failed=0
  for name in "${names[@]}"; do
    while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n || failed=1; done
    train "$name" &
  done
  while [ "$(jobs -rp | wc -l)" -gt 0 ]; do wait -n || failed=1; done
  wait || failed=1
  [ "$failed" = 0 ] || { echo "ship: a training failed; the same command goes on with the others kept" >&2; exit 1; }
  took "all trainings" "$since"
fi

# Finished episodes are kept below the work folder and recognised by everything that can change them, the checkpoint's digest
# included; after a change to the simulator itself, remove it.
since=$SECONDS
for name in "${names[@]}"; do
  "$marlise" eval --config configs/eval/card.yaml --policies threshold k8s-cpu-fast "$name=checkpoints/$name.h5" \
    --out "$work/eval" --json >"$work/$name.json"
  mv "$work/$name.json" "checkpoints/$name.json"
done
took "evaluation of each policy" "$since"

since=$SECONDS
"$marlise" eval --config configs/eval/comparison.yaml --policies autoscale=checkpoints/autoscale.h5 \
  --out "$work/eval" --json --brief >"$work/comparison.json"
mv "$work/comparison.json" "checkpoints/comparison.json"
took "comparison at equal P99" "$since"

# Recordings of other people are not part of this repository: only with them at hand is that table made anew. Links, so that no
# folder of this machine gets into the result.
if [ -n "${RECORDINGS:-}" ]; then
  since=$SECONDS
  program=$(realpath "$marlise")
  cache=$(realpath "$work")/eval
  links=$(mktemp -d)
  trap 'rm -rf "$links"' EXIT
  ln -s "$(realpath "$RECORDINGS")"/*.csv "$PWD/checkpoints" "$links/"
  (cd "$links" && "$program" eval --config "$OLDPWD/configs/eval/traces.yaml" --trace ./*.csv --out "$cache" --json --brief) \
    >"$work/recordings.json"
  mv "$work/recordings.json" "checkpoints/recordings.json"
  took "recordings" "$since"
fi

cards=()
for name in "${names[@]}"; do cards+=("checkpoints/$name.md"); done
"$marlise" checkpoint card "${cards[@]}" checkpoints/README.md README.md
took "everything" 0
