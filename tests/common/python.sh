# To be sourced: sets `python` to an interpreter of 3.11 or later with venv, or ends with an error. PYTHON may name it.
python=${PYTHON:-}
for name in python3.11 python3.12 python3.13 python3.14 python3; do
    if [[ -z $python ]] && "$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$name
    fi
done
if [[ -z $python ]]; then
    echo "error: no Python of 3.11 or later with venv: install one, or name it by PYTHON" >&2
    exit 1
fi
