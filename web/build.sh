#!/usr/bin/env bash
# Makes assets/: the WebAssembly modules, with SIMD128 and with relaxed SIMD, without and with the
# encoder, and the weights under names that change with their contents. Needs cargo with the target
# wasm32-unknown-unknown (rustup target add wasm32-unknown-unknown), and `npm ci` before.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

target=${CARGO_TARGET_DIR:-../target}
enable=()
for feature in bulk-memory bulk-memory-opt call-indirect-overlong mutable-globals nontrapping-float-to-int \
    sign-ext multivalue reference-types simd; do
    enable+=("--enable-$feature")
done
rm -rf assets
mkdir -p assets

# NAME, TARGET FEATURES, CARGO FEATURES
module() {
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="-C target-feature=$2" \
        cargo build --manifest-path ../Cargo.toml -p dcodec-wasm --profile wasm \
        --target wasm32-unknown-unknown --no-default-features --features "$3"
    node_modules/.bin/wasm-opt -O3 "${enable[@]}" ${4:-} \
        "$target/wasm32-unknown-unknown/wasm/dcodec_wasm.wasm" -o "assets/$1.wasm"
}
module dcodec +simd128 ""
module dcodec-relaxed +relaxed-simd "" --enable-relaxed-simd
module dcodec-encode +simd128 encode
module dcodec-encode-relaxed +relaxed-simd encode --enable-relaxed-simd

node priors.mjs ../models/s.safetensors ../models/xs.safetensors
cp ../LICENSE-MIT ../LICENSE-APACHE .
wc -c assets/*
