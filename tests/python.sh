#!/usr/bin/env bash
# The package for Python: builds the wheel, installs it into an empty virtual environment, and runs its tests there. Ends
# with 0 if all is well, and fails if something cannot be had. PYTHON may name the interpreter (3.11 or later).
# DCODEC_PYTHON_PEERS=1 also installs CompressAI with torch (some 4 GB) and Ray, and tests against them; without it the
# values of pytorch-msssim are those that crates/python/tests/record_peers.py has recorded.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Bytes that the wheel may have.
most=20000000

source tests/common/python.sh

scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT
export PIP_DISABLE_PIP_VERSION_CHECK=1

"$python" -m venv "$scratch/build"
"$scratch/build/bin/pip" install --quiet 'maturin>=1.9,<2'
"$scratch/build/bin/maturin" build --profile wheel --locked --compression-level 9 -m crates/python/Cargo.toml -o "$scratch/dist"
wheel=$(echo "$scratch"/dist/*.whl)
bytes=$(wc -c <"$wheel")
printf '%s: %d bytes\n' "$(basename "$wheel")" "$bytes"
if ((bytes > most)); then
    echo "error: the wheel is over $most bytes" >&2
    exit 1
fi

"$python" -m venv "$scratch/empty"
# The wheel by itself, with what it asks for.
"$scratch/empty/bin/pip" install --quiet "$wheel"
"$scratch/empty/bin/python" -c 'import dcodec, numpy; dcodec.decode(dcodec.encode(numpy.zeros((20, 20), numpy.uint8)))'
"$scratch/empty/bin/pip" install --quiet pytest mypy pillow matplotlib bjontegaard 'dask[distributed]'
if [[ -n ${DCODEC_PYTHON_PEERS:-} ]]; then
    "$scratch/empty/bin/pip" install --quiet torch pytorch-msssim compressai 'ray[data]'
else
    echo "without CompressAI and Ray: DCODEC_PYTHON_PEERS=1 tests against them too"
fi
# Away from the sources, so that the installed package is what is tested.
tests=$PWD/crates/python/tests
cd "$scratch"
"$scratch/empty/bin/python" -m pytest -p no:cacheprovider -q -ra --durations=5 "$@" "$tests"
