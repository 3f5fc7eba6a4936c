#!/usr/bin/env bash
# The second decoder, codec-spec/decoder.py, against the test values of the text and the conformance files; and both against
# decoders with one wrong constant each, which they have to tell. Ends with 0 if all is well, and fails if something cannot
# be had. PYTHON may name the interpreter (3.11 or later).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

source tests/common/python.sh

scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT
export PIP_DISABLE_PIP_VERSION_CHECK=1
# Several files are decoded at once, each in one thread.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

"$python" -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet 'numpy>=2,<3'
python=$scratch/venv/bin/python
files=codec-spec/files/files.json

"$python" codec-spec/decoder.py --self-test
"$python" codec-spec/decoder.py --check "$files"

# Runs a check by a decoder in which $2 became $3, a constant of the clause $1; it has to fail by $4.
mutate() {
    sed "s/$2/$3/" codec-spec/decoder.py >"$scratch/decoder.py"
    if cmp -s codec-spec/decoder.py "$scratch/decoder.py"; then
        echo "error: decoder.py holds no $2 of clause $1" >&2
        exit 1
    fi
    local status=0
    # shellcheck disable=SC2086 # the arguments are several words
    "$python" "$scratch/decoder.py" $4 --prior models/*.safetensors >"$scratch/log" 2>&1 || status=$?
    # 1 is what differences end with; a decoder that no longer runs tells nothing.
    if [[ $status != 1 ]] || grep -q Traceback "$scratch/log"; then
        tail -5 "$scratch/log" >&2
        echo "error: $4 does not tell that $2 of clause $1 became $3" >&2
        exit 1
    fi
    echo "clause $1: $3 for $2 is told by $4"
}
check="--check $files --only"
mutate 11.1 'state \* 0x9E3779B1' 'state * 0x9E3779B3' "$check rgb"
mutate 12.5 '14: 1.05' '14: 1.06' "$check bands-allotment"
mutate 14.5 '(1.5 \* t - 2.5)' '(1.5 * t - 2.25)' "$check reduced"
mutate 19.4 'towards(slow, 512)' 'towards(slow, 256)' "$check alpha"
mutate A.12 '0.1\] \* 4, 0.0035' '0.1] * 4, 0.0036' "$check rest-chain"
for self in 15.6,'f32(5.25)','f32(5.5)' 15.8,'n \* 1.9082149292705877e-10','n * 1.9e-10'; do
    IFS=, read -r clause from to <<<"$self"
    mutate "$clause" "$from" "$to" --self-test
done
