#!/usr/bin/env bash
# Fuzzes every target for so many seconds, as many at a time as there are cores: run.sh SECONDS [TARGET..]
# Needs a nightly compiler and cargo-fuzz (cargo install cargo-fuzz --locked). The inputs found are kept in
# fuzz/corpus; an input that breaks a target is written to fuzz/artifacts, and ends the script with an error.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
seconds=$1
shift
targets=("$@")
if [[ ${#targets[@]} = 0 ]]; then
    targets=(parse stream metadata exact roundtrip load wasm)
fi
# The crates are those of the tests where the target directory is theirs.
target=${CARGO_TARGET_DIR:-$PWD/target}
cargo run --release --quiet --manifest-path fuzz/Cargo.toml --target-dir "$target" --bin seeds -- fuzz/corpus
export CARGO_PROFILE_RELEASE_DEBUG=line-tables-only
export CARGO_TARGET_DIR=$target/fuzz
cargo +nightly fuzz build --features libfuzzer
# One target a core: the pictures are too small to share.
export RAYON_NUM_THREADS=1
one() {
    mkdir -p "fuzz/corpus/$1" "fuzz/found/$1"
    # Pictures are hostile to 10 s and to 1 GB. Leaks are looked for by the tests of memory.
    if ! cargo +nightly fuzz run --features libfuzzer "$1" "fuzz/corpus/$1" "fuzz/found/$1" -- \
        -max_total_time="$2" -timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=512 -max_len=8192 \
        -detect_leaks=0 -dict=fuzz/dfc.dict -print_final_stats=1 >"fuzz/corpus/$1.log" 2>&1; then
        tail -n 40 "fuzz/corpus/$1.log"
        return 1
    fi
    grep -E '^#[0-9]+.*DONE|stat::number_of_executed_units' "fuzz/corpus/$1.log" | sed "s/^/$1: /"
}
export -f one
printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I{} bash -c 'one "$1" "$2"' _ {} "$seconds"
