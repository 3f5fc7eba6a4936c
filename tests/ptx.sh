#!/usr/bin/env bash
# The kernels for NVIDIA's GPUs are shipped as PTX, so that no build needs a CUDA toolkit. This makes them anew of their
# sources by nvcc and compares them, byte for byte: tests/ptx.sh, or tests/ptx.sh --write after a change of the sources.
#
# The nvcc of CUDA_HOME is taken if it is of the release below, else that release is fetched from PyPI; gcc is the host's
# compiler. PTX is for GPUs from Ampere on (compute capability 8.0), and the driver makes the GPU's own instructions of it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
release=13.0.88
scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT

is_release() {
    [[ -x $1/bin/nvcc ]] && grep -q "V$release\$" <<<"$("$1/bin/nvcc" --version)"
}
home=${CUDA_HOME:-/usr/local/cuda}
if ! is_release "$home"; then
    python3 -m venv "$scratch/cu"
    "$scratch/cu/bin/pip" install --quiet --disable-pip-version-check "nvidia-cuda-nvcc==$release" "nvidia-cuda-crt==$release" \
        "nvidia-nvvm==$release" nvidia-cuda-runtime==13.0.96 nvidia-cuda-cccl==13.0.85
    home=$(echo "$scratch"/cu/lib/python3*/site-packages/nvidia/cu13)
    is_release "$home" || { "$home/bin/nvcc" --version >&2; exit 1; }
fi
command -v gcc >/dev/null || { apt-get -qq update && apt-get -qq install -y --no-install-recommends gcc g++ >/dev/null; }

# Kernels of the chain fuse nothing, so that they round as the machine does. They wait for memory anyway.
compile() {
    "$home/bin/nvcc" -ptx -O3 -std=c++17 -arch=compute_80 "$3" "$1.cu" -o "$scratch/$2.ptx"
}
folder=src/prior/cuda
cd "$folder"
compile chain chain --fmad=false
for passes in 1 2 3; do
    compile network "network$passes" "-DPASSES=$passes"
done
differing=0
for file in "$scratch"/*.ptx; do
    own=ptx/$(basename "$file")
    if [[ ${1:-} == --write ]]; then
        cp "$file" "$own"
    elif ! cmp "$file" "$own"; then
        differing=1
    fi
done
if ((differing)); then
    echo "error: $folder/ptx is not what nvcc $release makes of the sources: tests/ptx.sh --write" >&2
    exit 1
fi
echo "PTX of nvcc $release: $(wc -c ptx/*.ptx | tail -n 1 | sed 's/^ *//;s/ total//') bytes"
