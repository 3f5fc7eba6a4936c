#!/usr/bin/env bash
# Makes the Debian package by cargo-deb, dist/dcodec_VERSION_ARCHITECTURE.deb, and checks it: what it holds, what it depends
# on, and README's main job by the command that it installs into a folder. FEATURES are `full`, unless they are given. Gets
# cargo-deb where it is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
features=${FEATURES:-full}
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
host=$(rustc -vV | sed -n 's/^host: //p')
scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT
cargo deb --version >/dev/null 2>&1 || cargo install cargo-deb --locked --quiet
# It asks this which packages the libraries are of.
command -v dpkg-shlibdeps >/dev/null || { apt-get -qq update && apt-get -qq install -y --no-install-recommends dpkg-dev >/dev/null; }

cargo build --release --locked -p dcodec-cli --features "$features"
# The assets of crates/cli/Cargo.toml, which are named from that folder.
rm -rf crates/cli/share
trap 'rm -rf "$scratch" crates/cli/share' EXIT
packaging/share.sh "$target/release/dcodec" crates/cli/share "$host" "$features"
rm crates/cli/share/doc/dcodec/LICENSE-MIT
mkdir -p dist
cargo deb -p dcodec-cli --no-build -o dist/

package=$(find dist -name 'dcodec_*.deb' -newer "$target/release/dcodec" | sort | tail -n 1)
dpkg-deb --info "$package" | sed -n '/^ Package/,$p'
dpkg-deb --contents "$package" | awk '{print $6}' >"$scratch/contents"
for file in bin/dcodec share/man/man1/dcodec-encode.1.gz share/bash-completion/completions/dcodec share/doc/dcodec/copyright \
    share/zsh/vendor-completions/_dcodec share/fish/vendor_completions.d/dcodec.fish share/mime/packages/dcodec.xml \
    share/thumbnailers/dcodec.thumbnailer; do
    grep -qx "./usr/$file" "$scratch/contents" || { echo "error: no /usr/$file in $package" >&2; exit 1; }
done
grep -q 'libc6 (>=' <<<"$(dpkg-deb --field "$package" Depends)"
dpkg-deb --extract "$package" "$scratch/root"
"$scratch/root/usr/bin/dcodec" encode -q samples/coffee.png -o "$scratch/coffee.dfc"
"$scratch/root/usr/bin/dcodec" decode -q "$scratch/coffee.dfc" -o "$scratch/coffee.png" --bpp 0.2
printf '%s: %d bytes\n' "$package" "$(wc -c <"$package")"
