#!/usr/bin/env bash
# The WebAssembly module: builds it with SIMD128, says how large it is with and without the default prior inside, and, where
# Node is, decodes a sample with it and compares the picture with the native decoder's by clause 22.2 of the specification.
# Ends with 0 if all is well. Needs the target: rustup target add wasm32-unknown-unknown. DCODEC may name the native command;
# else it is built.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT
target=${CARGO_TARGET_DIR:-target}

for features in --no-default-features --features=weights; do
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="-C target-feature=+simd128" \
        cargo build -p dcodec-wasm --profile wasm --target wasm32-unknown-unknown "$features"
    cp "$target/wasm32-unknown-unknown/wasm/dcodec_wasm.wasm" "$scratch/$features.wasm"
done
bytes() {
    wc -c <"$scratch/$1.wasm"
}
printf 'module: %d bytes, %d without the prior inside\n' "$(bytes --features=weights)" "$(bytes --no-default-features)"

if ! command -v node >/dev/null; then
    echo "skipped: no Node to run the module in"
    exit
fi
if [[ -z ${DCODEC:-} ]]; then
    cargo build --release
    DCODEC=$target/release/dcodec
fi
dcodec() {
    "$DCODEC" -q --threads 1 "$@"
}
dcodec encode samples/coffee.png --lossless -o "$scratch/all.dfc"
dcodec decode "$scratch/all.dfc" -o "$scratch/original.ppm"
dcodec cut "$scratch/all.dfc" --bpp 0.3 -o "$scratch/cut.dfc"
echo "native, one thread:"
# The module shows x0_hat as the specification has it, without what the command adds.
dcodec decode "$scratch/cut.dfc" -o "$scratch/native.ppm" --orientations 1 --refiner none --timing
for weights in "" models/s.safetensors; do
    module=--features=weights
    [[ -n $weights ]] && module=--no-default-features
    echo "WebAssembly, weights ${weights:-inside}:"
    node crates/wasm/decode.mjs "$scratch/$module.wasm" "$scratch/cut.dfc" "$scratch/wasm.ppm" $weights \
        --against "$scratch/native.ppm" "$scratch/original.ppm"
done
