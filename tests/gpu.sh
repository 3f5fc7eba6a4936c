#!/usr/bin/env bash
# The whole check of a GPU in one command, from a clean clone:
#
#   tests/gpu.sh    cuda (= cuda:0); also cuda:N, metal, or cpu, which checks candle on the CPU
#
# Builds with the device's feature. Encodes and decodes by the command in both directions. Walks the
# chain on an NVIDIA GPU against the machine's own. Compares the pictures of CPU and device layer by
# layer with the bound of clause 22.2 of the specification. Times both at 0.3, 2 and 12 megapixels,
# the device in f32 and in narrower types.
#
# Kodak's pictures are used where DCODEC_DATA names the folder with kodak/kodim01.png and so on,
# else the samples. Ends with 0 if all is well. No toolkit is needed: the kernels are shipped as PTX,
# which tests/ptx.sh makes, and the driver's library is found at run time. That PTX needs a driver of
# CUDA 13 (release 580) or later.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

device=${1:-cuda}
case $device in
cuda | cuda:[0-9]*)
    features=(--features cuda)
    narrow=(f16)
    ;;
metal)
    features=(--features metal)
    narrow=(bf16 f16)
    ;;
cpu) features=() ;;
*)
    echo "usage: tests/gpu.sh [cuda|cuda:N|metal|cpu]" >&2
    exit 2
    ;;
esac
# A relative path is meant from the folder that the script was called from.
if [[ -n ${DCODEC_DATA:-} && ${DCODEC_DATA:0:1} != / ]]; then
    DCODEC_DATA=$OLDPWD/$DCODEC_DATA
    export DCODEC_DATA
fi
scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT

dcodec() {
    cargo run -p dcodec-cli --release --quiet ${features[@]+"${features[@]}"} -- "$@"
}

printf '\n== build%s\n' "${features[*]+ ${features[*]}}"
cargo build -p dcodec-cli --release ${features[@]+"${features[@]}"}

printf '\n== devices\n'
dcodec info --devices

printf '\n== the command, from the CPU to %s and back\n' "$device"
for pair in "cpu $device" "$device cpu"; do
    read -r from to <<<"$pair"
    dcodec encode samples/coffee.png -o "$scratch/$from.dfc" --bpp 0.3 -f --device "$from" --timing
    dcodec decode "$scratch/$from.dfc" -o "$scratch/$to.png" -f --orientations 1 --refiner none --device "$to" --timing
done
if [[ $device != cpu ]]; then
    for precision in "${narrow[@]}"; do
        dcodec decode "$scratch/cpu.dfc" -o "$scratch/$precision.png" -f --orientations 1 --refiner none --device "$device" --precision "$precision" --timing
    done
fi

if [[ $device == cuda* ]]; then
    printf '\n== the network by itself, and the chain on the device step by step\n'
    cargo test -p dcodec --release --features cuda --test cuda -- --include-ignored --nocapture --test-threads 1
    cargo test -p dcodec --release --features cuda --lib prior::cuda -- --ignored --nocapture --test-threads 1
fi

printf '\n== pictures and timings\n'
# The CPU is checked against candle.
features+=(--features candle)
DCODEC_DEVICE=$device cargo test -p dcodec --release "${features[@]}" --test device -- --nocapture --test-threads 1
printf '\n== %s: all passed\n' "$device"
