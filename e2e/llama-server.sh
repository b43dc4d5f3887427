#!/usr/bin/env bash
# Installs a real llama-server for the end-to-end tests on Debian or Ubuntu (amd64, arm64) and prints its path.
#
# It unpacks Debian testing's llama.cpp, with the libraries it was built against, into a folder of its own: nothing of the
# system is replaced, and nothing is installed as root but patchelf and xz where they are missing. Packages come from the
# mirror that apt is configured with, and each is verified against the checksum of that mirror's index.
#
#   LLAMA_SERVER_DIR   where to (default: ~/.cache/modeld-tools/llama-server)
#   DEBIAN_MIRROR      where from (default: what apt uses, else deb.debian.org)
set -euo pipefail

suite=forky
packages=(llama.cpp-tools libllama0 libggml0 libc6 libgcc-s1 libgomp1 libstdc++6 libssl3t64 zlib1g libzstd1)
target="${LLAMA_SERVER_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/modeld-tools/llama-server}"
launcher="$target/llama-server"

fail() {
  echo "llama-server.sh: $*" >&2
  exit 1
}

runs() { [ -x "$launcher" ] && "$launcher" --version >/dev/null 2>&1; }

if runs; then
  echo "$launcher"
  exit 0
fi

case "$(uname -m)" in
  x86_64) arch=amd64 triplet=x86_64-linux-gnu loader=ld-linux-x86-64.so.2 ;;
  aarch64) arch=arm64 triplet=aarch64-linux-gnu loader=ld-linux-aarch64.so.1 ;;
  *) fail "no packages for $(uname -m): build llama.cpp and set LLAMA_SERVER_BIN" ;;
esac
for tool in curl dpkg-deb sha256sum; do
  command -v "$tool" >/dev/null || fail "$tool is missing: apt-get install curl dpkg coreutils"
done
missing=()
command -v patchelf >/dev/null || missing+=(patchelf)
command -v xz >/dev/null || missing+=(xz-utils)
if [ "${#missing[@]}" -gt 0 ]; then
  { apt-get update -qq && apt-get install -y -qq "${missing[@]}"; } >&2 ||
    fail "${missing[*]} could not be installed: it takes root, apt-get install ${missing[*]}"
fi

apt_mirror() { # the first Debian mirror of apt's own configuration
  find /etc/apt \( -name '*.list' -o -name '*.sources' \) -exec cat {} + |
    sed -nE 's#^(deb |URIs:).*(https?://[^ ]+/debian)/?( .*)?$#\2#p' | head -n 1
}
mirror="${DEBIAN_MIRROR:-$(apt_mirror)}"
mirror="${mirror:-https://deb.debian.org/debian}"

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
curl -fsSL "$mirror/dists/$suite/main/binary-$arch/Packages.xz" | xz -dc >"$work/index" ||
  fail "cannot read the package index of $suite from the Debian mirror"

field() { # field PACKAGE NAME: a field of a package's entry in the index
  awk -v package="$1" -v name="$2:" '
    $1 == "Package:" { here = ($2 == package) }
    here && $1 == name { print $2; exit }' "$work/index"
}

for package in "${packages[@]}"; do
  file="$(field "$package" Filename)"
  [ -n "$file" ] || fail "$suite has no $package: set LLAMA_SERVER_BIN to a llama-server of your own"
  curl -fsSL -o "$work/package.deb" "$mirror/$file" || fail "cannot download $package"
  echo "$(field "$package" SHA256)  $work/package.deb" | sha256sum --check --status || fail "$package is damaged"
  dpkg-deb --extract "$work/package.deb" "$work/root"
done

# The libraries are newer than the system's, the C library included: the program must be run by their own loader.
libraries="$target/usr/lib/$triplet"
rm -rf "$target"
mkdir -p "$target"
mv "$work/root/usr" "$target/"
patchelf --set-interpreter "$libraries/$loader" "$target/usr/bin/llama-server"
ln -sf "$libraries"/ggml/backends0/*.so "$target/usr/bin/" # it looks for its CPU back ends beside itself
cat >"$launcher" <<END
#!/bin/sh
LD_LIBRARY_PATH="$libraries:$libraries/llama" exec "$target/usr/bin/llama-server" "\$@"
END
chmod +x "$launcher"

runs || fail "the installed llama-server does not start: $("$launcher" --version 2>&1 | tail -n 1)"
echo "$launcher"
