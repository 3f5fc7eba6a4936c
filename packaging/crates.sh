#!/usr/bin/env bash
# Makes the packages for crates.io, and checks them: each is at most 10 MB, and the command that is built from the unpacked
# packages alone makes the files and the pictures of the repository's own, those of --prior l too. They lie in
# target/package then. DCODEC may name the repository's command; else it is built.
#
# Packages depend on each other and none need be on crates.io: those that are unpacked stand in for it by [patch].
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
if [[ -z ${DCODEC:-} ]]; then
    cargo build --release -p dcodec-cli
    DCODEC=$target/release/dcodec
fi
scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT
# Apart from the command that may be built over below.
cp "$DCODEC" "$scratch/own"

# Bytes of a package that crates.io takes.
most=10000000

# The halves of the larger weights.
bytes=$(wc -c <models/l.safetensors)
head -c $((bytes / 2)) models/l.safetensors >crates/prior-l-1/half
tail -c +$((bytes / 2 + 1)) models/l.safetensors >crates/prior-l-2/half
cat crates/prior-l-{1,2}/half | cmp - models/l.safetensors

# In the order in which they can be published.
packages=(dcodec-prior-l-1 dcodec-prior-l-2 dcodec dcodec-eval dcodec-cli dcodec-capi)
# The halves are not in git, which --allow-dirty allows. The build below verifies all packages at once.
cargo package --locked --no-verify --allow-dirty "${packages[@]/#/--package=}"

version=$(sed -n '/^\[workspace.package\]/,/^$/s/^version = "\(.*\)"/\1/p' Cargo.toml)
{
    echo '[workspace]'
    echo 'resolver = "3"'
    printf 'members = ['
    printf '"%s", ' "${packages[@]}"
    echo ']'
    echo '[patch.crates-io]'
} >"$scratch/Cargo.toml"
for name in "${packages[@]}"; do
    archive=$target/package/$name-$version.crate
    size=$(wc -c <"$archive")
    printf '%s: %d bytes\n' "$name" "$size"
    if ((size > most)); then
        echo "error: $name is over $most bytes" >&2
        exit 1
    fi
    tar -xzf "$archive" -C "$scratch"
    mv "$scratch/$name-$version" "$scratch/$name"
    # Every line of the manifest's versions is as on crates.io: no path is left.
    if grep -n '^path = "\.\./' "$scratch/$name/Cargo.toml"; then
        echo "error: $name depends on a path" >&2
        exit 1
    fi
    printf '%s = { path = "%s" }\n' "$name" "$name" >>"$scratch/Cargo.toml"
done
[[ ! -e $scratch/dcodec/models/l.safetensors ]]
# The versions of the repository, as --locked would have them.
cp Cargo.lock "$scratch/"
(
    cd "$scratch"
    # Crates of others are those that are built already.
    cargo build --release --target-dir "$target" -p dcodec-cli
    cargo build --release --target-dir "$target" -p dcodec-capi
)
cp "$target/release/dcodec" "$scratch/packaged"
packaged=$scratch/packaged

own=$scratch/own
"$own" encode -q samples/coffee.png -o "$scratch/own.dfc" --bpp 0.2
"$packaged" encode -q samples/coffee.png -o "$scratch/packaged.dfc" --bpp 0.2
cmp "$scratch/own.dfc" "$scratch/packaged.dfc"
"$own" encode -q samples/chelsea.png -o "$scratch/l.dfc" --prior l --bpp 0.2
for name in own l; do
    "$own" decode -q "$scratch/$name.dfc" -o "$scratch/own.png" -f
    "$packaged" decode -q "$scratch/$name.dfc" -o "$scratch/packaged.png" -f
    cmp "$scratch/own.png" "$scratch/packaged.png"
done
echo "the packages make the repository's files and pictures, of --prior l too"
