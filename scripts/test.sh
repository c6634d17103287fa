#!/usr/bin/env bash
# Builds everything and runs every test, in release. Arguments go to `swift test`: scripts/test.sh --filter Terminal
# Runs in two checkouts do not disturb each other; in one checkout, MARLISE_BUILD names another build folder for the
# second, which would otherwise wait for the first.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh

# One step, not `swift build` and then `swift test`: tests look inside modules, which changes the compiler's flags, so a
# build without them would be thrown away.
echo "test: building everything and running the tests (release; the first build takes a few minutes)"
swift test -c release --scratch-path "${MARLISE_BUILD:-.build}" "$@"
echo "test: all tests passed"
