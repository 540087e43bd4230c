# usage: sh -c SCRIPT sh VERSION WORK DESTINATION
# Debian keeps newer compilers in later suites. Looks for the package rust-src of exactly VERSION on the mirror that this
# machine already uses, unpacks it under WORK and copies its `library` folder into DESTINATION. Changes nothing in the system.
set -eu
version=$1 work=$2 destination=$3
command -v apt-get >/dev/null || { echo "this system has no apt-get" >&2; exit 1; }

mirror=$(sed -n 's/^URIs: *//p' /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -n 1)
[ -n "$mirror" ] || mirror=$(sed -n 's/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\).*/\2/p' /etc/apt/sources.list 2>/dev/null | head -n 1)
[ -n "$mirror" ] || { echo "no Debian mirror is configured" >&2; exit 1; }

mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
for suite in bookworm-backports trixie trixie-backports forky sid; do
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main"
done >"$work/sources.list"

set -- -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=/dev/null \
  -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache"
apt-get "$@" update -qq >/dev/null
package=$(apt-cache "$@" madison rust-src | awk -F'|' '{ gsub(/ /, "", $2); print $2 }' | grep -m 1 "^$version+" || true)
[ -n "$package" ] || { echo "Debian has no rust-src of version $version" >&2; exit 1; }

cd "$work"
apt-get "$@" download -qq "rust-src=$package" >/dev/null
dpkg -x rust-src_*.deb unpacked
cp -r "unpacked/usr/src/rustc-$version/library" "$destination/"
