#!/usr/bin/env bash
# A build with the feature cuda names no library of CUDA, and works on a machine without a GPU or its driver: readelf, then
# an encode and a decode, by the CPU where there is no GPU. tests/gpu.sh checks a GPU itself.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT
command -v readelf >/dev/null || { apt-get -qq update && apt-get -qq install -y --no-install-recommends binutils >/dev/null; }

cargo build --release -p dcodec-cli --features cuda
cp "${CARGO_TARGET_DIR:-target}/release/dcodec" "$scratch/dcodec"
needed=$(readelf -d "$scratch/dcodec" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
printf 'needs: %s\n' $needed
if grep -qiE 'cuda|cublas|curand|nvrtc|nvidia' <<<"$needed"; then
    echo "error: a library of CUDA is needed to start" >&2
    exit 1
fi
"$scratch/dcodec" info --devices
"$scratch/dcodec" encode samples/coffee.png -o "$scratch/coffee.dfc" --bpp 0.2
"$scratch/dcodec" decode "$scratch/coffee.dfc" -o "$scratch/coffee.png"
if ! grep -q '^cuda:0.*NVIDIA' <<<"$("$scratch/dcodec" info --devices)"; then
    # The device by name is refused with a reason, and nothing is written.
    if "$scratch/dcodec" encode samples/coffee.png -o "$scratch/gpu.dfc" --device cuda 2>"$scratch/log"; then
        echo "error: cuda:0 works and is not listed" >&2
        exit 1
    fi
    cat "$scratch/log"
    [[ ! -e $scratch/gpu.dfc ]]
    grep -q 'no device cuda:0' "$scratch/log"
fi
echo "one program, with and without a GPU"
