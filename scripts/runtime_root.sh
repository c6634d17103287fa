#!/usr/bin/env bash
# Assembles the root file system of a container that holds marlise and what it needs to run, and nothing else: no shell,
# no package manager. The Dockerfile's last stage is this folder.
#
#   scripts/runtime_root.sh PROGRAM FOLDER
#
# PROGRAM is a built `marlise` (`swift build -c release`). FOLDER must not exist yet, or be empty. The shared libraries
# are those of the machine that this runs on.
set -euo pipefail

if [ $# -ne 2 ]; then
  echo "runtime_root: expected a program and a folder; usage: $0 PROGRAM FOLDER" >&2
  exit 2
fi
program=$1
root=$2
here=$(cd "$(dirname "$0")/.." && pwd)
if [ ! -x "$program" ]; then
  echo "runtime_root: there is no program at $program" >&2
  exit 2
fi
if [ -e "$root" ] && [ -n "$(ls -A "$root")" ]; then
  echo "runtime_root: $root is not empty" >&2
  exit 2
fi

# Who runs it: nobody in particular, and not root. The manifests in configs/kubernetes name the same numbers.
user=65532

mkdir -p "$root"/usr/{bin,lib,lib64,share/marlise,share/doc} "$root"/etc/ssl/certs "$root"/{tmp,proc,sys,dev,run}
mkdir -p "$root"/var/lib/marlise
# As in Debian, everything is below /usr.
ln -s usr/bin "$root/bin"
ln -s usr/lib "$root/lib"
ln -s usr/lib64 "$root/lib64"
chmod 1777 "$root/tmp"
chmod 0750 "$root/var/lib/marlise"
if [ "$(id -u)" = 0 ]; then chown "$user:$user" "$root/var/lib/marlise"; fi

install -m 0755 "$program" "$root/usr/bin/marlise"

# The libraries under the names by which the loader asks for them, wherever alternatives and links lead. The C library opens
# libgcc_s by itself when a thread ends early.
libraries=$(ldd "$program" | awk '$2 == "=>" && $3 ~ /^\// { print $3 } $1 ~ /^\// { print $1 }')
if ldd "$program" | grep -q 'not found'; then
  echo "runtime_root: $program needs libraries that are not here: $(ldd "$program" | grep 'not found' | xargs)" >&2
  exit 1
fi
unwinder=$(ldconfig -p | awk '/libgcc_s\.so\.1 / && !seen++ { print $NF }')
packages=()
while read -r library; do
  case $library in
    /lib/* | /lib64/*) target=$root/usr$library ;;
    *) target=$root$library ;;
  esac
  mkdir -p "$(dirname "$target")"
  file=$(readlink -f "$library")
  install -m 0755 "$file" "$target"
  # Packages from before everything moved below /usr still know their files by the old names.
  packages+=("$({ dpkg-query -S "$file" || dpkg-query -S "${file#/usr}"; } 2>/dev/null | head -n 1 | sed 's/[:,].*//' || true)")
done < <(printf '%s\n' "$libraries" ${unwinder:+"$unwinder"} | sort -u)

# The terms under which they may be passed on.
for package in $(printf '%s\n' "${packages[@]}" | sort -u); do
  if [ -f "/usr/share/doc/$package/copyright" ]; then
    install -D -m 0644 "$(readlink -f "/usr/share/doc/$package/copyright")" "$root/usr/share/doc/$package/copyright"
  fi
done
install -D -m 0644 "$here/LICENSE" "$root/usr/share/doc/marlise/copyright"

# What marlise finds beside itself, and what HTTPS to a Prometheus needs.
mkdir -p "$root/usr/share/marlise/checkpoints" "$root/usr/share/marlise/configs"
install -m 0644 "$here"/checkpoints/*.h5 "$here/checkpoints/README.md" "$root/usr/share/marlise/checkpoints/"
for folder in train eval; do cp -r "$here/configs/$folder" "$root/usr/share/marlise/configs/"; done
if [ -f /etc/ssl/certs/ca-certificates.crt ]; then
  install -m 0644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
fi
printf 'root:x:0:0:root:/:/nologin\nmarlise:x:%s:%s:marlise:/var/lib/marlise:/nologin\n' "$user" "$user" >"$root/etc/passwd"
printf 'root:x:0:\nmarlise:x:%s:\n' "$user" >"$root/etc/group"
# Names are looked up in the cluster's DNS.
printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"

chmod -R u+rwX,go+rX,go-w "$root/usr" "$root/etc"
echo "runtime_root: $(find "$root" -type f | wc -l) files, $(du -sm "$root" | cut -f 1) MB in $root"
