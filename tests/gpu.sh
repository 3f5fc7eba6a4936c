#!/usr/bin/env bash
# The whole check of a GPU in one command, from a clean clone:
#
#   tests/gpu.sh    cuda (= cuda:0); also cuda:N, metal, or cpu, which checks candle on the CPU
#
# Builds with the device's feature. Encodes and decodes by the command in both directions. Walks the
# chain on an NVIDIA GPU against the machine's own. Compares the pictures of CPU and device layer by
# layer with the bound of clause 22.2 of the specification. Times both at 0.3, 2 and 12 megapixels,
# the device in f32, bf16 and f16.
#
# Kodak's pictures are used where DCODEC_DATA names the folder with kodak/kodim01.png and so on,
# else the samples. Ends with 0 if all is well.
#
# Parts of the CUDA toolkit from PyPI stand in for an installed one, all of one version, here 13.0,
# with gcc as the host's compiler:
#
#   python3 -m venv cu
#   cu/bin/pip install nvidia-curand \
#       nvidia-{cuda-nvcc,cuda-crt,nvvm,cuda-runtime,cuda-nvrtc,cuda-cccl,cublas}==13.0.*
#   export CUDA_HOME=$(echo $PWD/cu/lib/python3*/site-packages/nvidia/cu13)
#   export CUDA_COMPUTE_CAP=80   # Ampere and later
#   (cd $CUDA_HOME/lib && for lib in cudart cublas cublasLt curand nvrtc; do
#       ln -sf lib$lib.so.* lib$lib.so
#   done)
#   export PATH=$CUDA_HOME/bin:$PATH LIBRARY_PATH=$CUDA_HOME/lib LD_LIBRARY_PATH=$CUDA_HOME/lib
#
# libcuda is the driver's. A machine without one can still build, with a library of its symbols that
# finds no device:
#
#   mkdir stubs
#   gcc -E $CUDA_HOME/include/cuda.h | grep -oE '\bcu[A-Z][A-Za-z0-9_]*\(' | sort -u |
#       sed 's/^/int /; s/($/(void) { return 100; }/' >stubs/cuda.c
#   gcc -shared -fPIC -Wl,-soname,libcuda.so.1 -o stubs/libcuda.so stubs/cuda.c
#   ln -s libcuda.so stubs/libcuda.so.1
#   export LIBRARY_PATH=$LIBRARY_PATH:$PWD/stubs   # LD_LIBRARY_PATH too, to start the command there
#
# A build with CUDA does not start where these libraries or libcuda.so.1 are missing. The plain
# build does.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

device=${1:-cuda}
case $device in
cuda | cuda:[0-9]*)
    features=(--features cuda)
    if ! command -v nvcc >/dev/null && [[ ! -x ${CUDA_HOME:-/usr/local/cuda}/bin/nvcc ]]; then
        echo "error: no nvcc: install the CUDA toolkit, or set CUDA_HOME to where it is" >&2
        exit 1
    fi
    ;;
metal) features=(--features metal) ;;
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
    for precision in bf16 f16; do
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
[[ $device == cpu ]] && features=(--features candle)
DCODEC_DEVICE=$device cargo test -p dcodec --release "${features[@]}" --test device -- --nocapture --test-threads 1
printf '\n== %s: all passed\n' "$device"
