#!/usr/bin/env bash
# Makes the archive of a release for Linux, dist/dcodec-VERSION-TARGET.tar.gz, and does README's main job with it in an empty
# chroot (as root). It holds the command, manual pages, completions, licences, and the files for desktops.
#
#     packaging/release.sh [TARGET]
#
# The target is x86_64-unknown-linux-musl or that of this machine's processor, a program without libraries; for another one,
# or where that cannot be had, the version of glibc that the program needs is said. FEATURES are `full`, unless they are
# given: FEATURES=default is quicker to build.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
features=${FEATURES:-full}
version=$(sed -n '/^\[workspace.package\]/,/^$/s/^version = "\(.*\)"/\1/p' Cargo.toml)
host=$(rustc -vV | sed -n 's/^host: //p')
target=${1:-${host%%-*}-unknown-linux-musl}
folder=$(realpath -m "${CARGO_TARGET_DIR:-target}")
scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT

has() {
    grep -qx "$1" <<<"$(rustup target list --installed 2>/dev/null)" || rustup target add "$1" >/dev/null 2>&1
}
if ! has "$target"; then
    if [[ $# -gt 0 ]]; then
        echo "error: no target $target: rustup target add $target" >&2
        exit 1
    fi
    echo "the target $target cannot be had: a program that needs glibc instead"
    target=$host
fi
if [[ $target == *-musl ]] && ! command -v musl-gcc >/dev/null; then
    # Of the crates that have parts in C.
    apt-get -qq update && apt-get -qq install -y --no-install-recommends musl-tools >/dev/null
fi
# Paths of this machine stay out of the program.
export RUSTFLAGS="${RUSTFLAGS:-} --remap-path-prefix=$PWD=dcodec --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo"
export CARGO_PROFILE_RELEASE_STRIP=symbols CARGO_INCREMENTAL=0
cargo build --release --locked -p dcodec-cli --features "$features" --target "$target"
binary=$folder/$target/release/dcodec

name=dcodec-$version-$target
install -D -m 755 "$binary" "$scratch/$name/bin/dcodec"
packaging/share.sh "$binary" "$scratch/$name/share" "$target" "$features"
cp README.md CHANGELOG.md "$scratch/$name/share/doc/dcodec/"
install -D -m 644 -t "$scratch/$name/share/doc/dcodec/docs" docs/*.md
if grep -q NEEDED <<<"$(readelf -d "$binary")"; then
    glibc=$(objdump -T "$binary" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1)
    echo "needs glibc ${glibc#GLIBC_} or later"
else
    echo "needs no library"
fi
mkdir -p dist
archive=$PWD/dist/$name.tar.gz
# Equal archives of equal contents.
date=$(git log -1 --format=%ct 2>/dev/null || echo 0)
tar -C "$scratch" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@${SOURCE_DATE_EPOCH:-$date}" -cf - "$name" | gzip -9n >"$archive"
(cd dist && sha256sum "$name.tar.gz" >"$name.tar.gz.sha256")
printf '%s: %d bytes\n' "dist/$name.tar.gz" "$(wc -c <"$archive")"

# An empty root: the archive, a picture, and, for a program that needs them, the libraries that it names.
root=$scratch/root
mkdir "$root"
tar -xzf "$archive" -C "$root"
cp samples/coffee.png "$root/"
if grep -q NEEDED <<<"$(readelf -d "$binary")"; then
    ldd "$binary" | grep -o '/[^ )]*' | while read -r library; do
        install -D "$library" "$root/$library"
    done
fi
inside() {
    env -i "$(command -v chroot)" "$root" "/$name/bin/dcodec" "$@"
}
inside encode -q coffee.png -o coffee.dfc
inside decode -q coffee.dfc -o coffee.out.png --bpp 0.2
inside info coffee.dfc >"$scratch/info"
"$binary" decode -q "$root/coffee.dfc" -o "$scratch/coffee.png" --bpp 0.2
cmp "$root/coffee.out.png" "$scratch/coffee.png"
for page in dcodec dcodec-encode dcodec-decode; do
    [[ -s $root/$name/share/man/man1/$page.1 ]]
done
grep -q rayon "$root/$name/share/doc/dcodec/LICENSES-OF-CRATES"
echo "in an empty chroot: encode and decode $(sed -n 's/^size *//p' "$scratch/info")"
