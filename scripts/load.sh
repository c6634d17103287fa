#!/usr/bin/env bash
# Loads a demo service with requests: scripts/load.sh [URL] [SECONDS] [CONNECTIONS]
# Each connection asks again as soon as it has its answer, until the time is over. Prints answers by status code.
set -euo pipefail

url=${1:-http://127.0.0.1:8080/predict}
seconds=${2:-60}
connections=${3:-4}
for number in "$seconds" "$connections"; do
  if ! [[ $number =~ ^[1-9][0-9]{0,4}$ ]]; then
    echo "load: '$number' is not a whole number from 1 to 99999; usage: $0 [URL] [SECONDS] [CONNECTIONS]" >&2
    exit 2
  fi
done
if ! command -v curl >/dev/null; then
  echo "load: curl is needed" >&2
  exit 1
fi

codes=$(mktemp -d)
trap 'rm -rf "$codes"' EXIT
end=$((SECONDS + seconds))
workers=()
for worker in $(seq "$connections"); do
  while [ "$SECONDS" -lt "$end" ]; do
    # Nobody there: wait a little instead of asking in a tight loop. curl prints 000 then.
    curl --silent --max-time 10 --output /dev/null --write-out '%{http_code}\n' "$url" || sleep 0.2
  done >"$codes/$worker" &
  workers+=($!)
done
wait "${workers[@]}"
echo "answers  status"
cat "$codes"/* | sort | uniq -c
