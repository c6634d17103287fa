#!/usr/bin/env bash
# Builds everything and runs every test, in release. Arguments go to `swift test`: scripts/test.sh --filter Terminal
# MARLISE_BUILD names another build folder, so that two runs in one checkout do not wait for each other.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh

build=${MARLISE_BUILD:-.build}
# The tests look inside modules, which a release build must be asked for. Both steps get the same flags, or the second
# would build everything again.
flags=(--scratch-path "$build" -c release -Xswiftc -enable-testing)

echo "test: building (release)"
swift build "${flags[@]}"
echo "test: running the tests (release)"
swift test "${flags[@]}" "$@"
echo "test: all tests passed"
