#!/usr/bin/env bash
# Installs what MARLISE needs from Debian, and checks the Swift toolchain. Changes nothing when nothing is missing.
# This is the only list of Debian packages; everything else refers to it.
set -euo pipefail

packages=(
  libopenblas-dev      # matrix products
  libhdf5-dev          # checkpoints
  libyaml-dev          # configuration files
  libcurl4-openssl-dev # the Kubernetes API
  libmicrohttpd-dev    # servers: the emulated API
  pkg-config           # tells the build where these are
)

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)
  [ "$status" = "install ok installed" ] || missing+=("$package")
done

if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" = 0 ]; then
    elevate=(env)
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    elevate=(sudo env)
  elif command -v sudo >/dev/null && [ -t 0 ]; then
    echo "setup: installing ${missing[*]} (sudo may ask for your password)"
    elevate=(sudo env)
  else
    echo "setup: packages are missing; as root, run: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  echo "setup: installing ${missing[*]}"
  # A second run beside this one holds dpkg's lock for a while: wait for it rather than fail.
  apt=("${elevate[@]}" DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=600)
  "${apt[@]}" update >/dev/null || echo "setup: apt-get update failed; trying with the package lists as they are" >&2
  "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >/dev/null
fi

if ! command -v swift >/dev/null; then
  echo "setup: 'swift' is not on PATH; MARLISE needs a Swift 6 toolchain, see https://www.swift.org/install/linux" >&2
  exit 1
fi
version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -n 1)
case "$version" in
  6.*) echo "setup: Swift $version and all ${#packages[@]} packages are there" ;;
  *)
    echo "setup: found Swift ${version:-of unknown version}; MARLISE needs 6, see https://www.swift.org/install/linux" >&2
    exit 1
    ;;
esac
