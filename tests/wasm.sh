#!/usr/bin/env bash
# The WebAssembly module in Node: builds it with SIMD128 and with relaxed SIMD, says how large it is with and without the
# default priors inside, decodes a sample with it and compares the picture with the native decoder's by clause 22.2 of the
# specification, to the bit where the multiply-add is fused; there it decodes the conformance files too. Ends with 0 if all
# is well. Needs Node 20.15 or later and the target: rustup target add wasm32-unknown-unknown. DCODEC may name the native
# command; else it is built. The package for pages, with its tests in a browser, is that of tests/web.sh.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT
target=${CARGO_TARGET_DIR:-target}

# NAME, TARGET FEATURES, OPTIONS
module() {
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="-C target-feature=$2" \
        cargo build -p dcodec-wasm --profile wasm --target wasm32-unknown-unknown "$3"
    cp "$target/wasm32-unknown-unknown/wasm/dcodec_wasm.wasm" "$scratch/$1.wasm"
    printf 'module %s: %d bytes\n' "$1" "$(wc -c <"$scratch/$1.wasm")"
}
module inside +simd128 --features=weights
module alone +simd128 --no-default-features
module relaxed +relaxed-simd --no-default-features

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
# Node takes relaxed SIMD by itself from 22 on, and with a flag before.
flag=()
[[ $(node --version) =~ ^v(1[0-9]|2[01])\. ]] && flag=(--experimental-wasm-relaxed-simd)
run() {
    node ${flag[@]+"${flag[@]}"} "$@"
}
decode() {
    run crates/wasm/decode.mjs "$@"
}
for module in "inside -" "alone models/s.safetensors" "relaxed models/s.safetensors"; do
    read -r name weights <<<"$module"
    echo "WebAssembly, module $name, weights $weights:"
    decode "$scratch/$name.wasm" "$scratch/cut.dfc" "$scratch/wasm.ppm" "$weights" \
        --against "$scratch/native.ppm" "$scratch/original.ppm"
done
echo "the exact end:"
decode "$scratch/relaxed.wasm" "$scratch/all.dfc" "$scratch/wasm.ppm" models/s.safetensors --exact "$scratch/original.ppm"
run crates/wasm/conformance.mjs "$scratch/relaxed.wasm"
