#!/bin/sh
# Installs modeld: downloads the archive of this machine's kind, verifies its checksum, and puts the executable in place.
#
#   install.sh [--version v1.2.3] [--to DIR]
#
# MODELD_RELEASES  where releases are (a release's own copy of this script has it built in)
# MODELD_VERSION   as --version; the newest release where it is not given
# MODELD_TO        as --to; default /usr/local/bin where it can be written, else ~/.local/bin
set -eu

releases="${MODELD_RELEASES:-@RELEASES_URL@}"
version="${MODELD_VERSION:-latest}"
to="${MODELD_TO:-}"

fail() {
  echo "install.sh: $*" >&2
  exit 1
}

while [ $# -gt 0 ]; do
  case "$1" in
    --version) [ $# -ge 2 ] || fail "--version needs a tag, for example v1.2.3"; version="$2"; shift 2 ;;
    --to) [ $# -ge 2 ] || fail "--to needs a folder"; to="$2"; shift 2 ;;
    *) fail "unknown argument: $1 (known: --version TAG, --to DIR)" ;;
  esac
done

case "$releases" in
  @*) fail "MODELD_RELEASES is not set: give the address of the releases, https://HOST/OWNER/modeld/releases" ;;
esac

case "$(uname -s)" in
  Linux) system=unknown-linux-gnu ;;
  Darwin) system=apple-darwin ;;
  *) fail "no release for $(uname -s); on Windows download the .zip by hand" ;;
esac
case "$(uname -m)" in
  x86_64 | amd64) machine=x86_64 ;;
  aarch64 | arm64) machine=aarch64 ;;
  *) fail "no release for $(uname -m)" ;;
esac

if [ "$version" = latest ]; then base="$releases/latest/download"; else base="$releases/download/$version"; fi
archive="modeld-$machine-$system.tar.gz"

if [ -z "$to" ]; then
  if [ -w /usr/local/bin ]; then to=/usr/local/bin; else to="$HOME/.local/bin"; fi
fi

if command -v curl >/dev/null 2>&1; then
  download() { curl -fsSL --retry 3 -o "$2" "$1"; }
elif command -v wget >/dev/null 2>&1; then
  download() { wget -q -O "$2" "$1"; }
else
  fail "neither curl nor wget is installed"
fi
if command -v sha256sum >/dev/null 2>&1; then
  sum() { sha256sum "$1" | cut -d ' ' -f 1; }
elif command -v shasum >/dev/null 2>&1; then
  sum() { shasum -a 256 "$1" | cut -d ' ' -f 1; }
else
  fail "neither sha256sum nor shasum is installed: the download could not be verified"
fi

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
download "$base/$archive" "$work/$archive" || fail "cannot download $base/$archive"
download "$base/SHA256SUMS" "$work/SHA256SUMS" || fail "cannot download $base/SHA256SUMS"

wanted="$(awk -v name="$archive" '$2 == name || $2 == "*" name {print $1}' "$work/SHA256SUMS")"
[ -n "$wanted" ] || fail "SHA256SUMS has no line for $archive"
got="$(sum "$work/$archive")"
[ "$got" = "$wanted" ] || fail "$archive is not what the release says: sha256 $got, expected $wanted. Nothing was installed."

tar -xzf "$work/$archive" -C "$work" modeld || fail "$archive holds no modeld"
mkdir -p "$to"
# A running modeld keeps its old file: the new one is moved into place, never written over it.
cp "$work/modeld" "$to/.modeld.new"
chmod 755 "$to/.modeld.new"
mv -f "$to/.modeld.new" "$to/modeld"
echo "installed $to/modeld"
case ":$PATH:" in
  *":$to:"*) ;;
  *) echo "$to is not in PATH: add it, or call $to/modeld" ;;
esac
