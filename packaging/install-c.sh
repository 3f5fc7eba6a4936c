#!/usr/bin/env bash
# Builds the library for C and installs it: packaging/install-c.sh PREFIX. The files are the shared and the static library,
# the header and a file for pkg-config. DESTDIR goes before the prefix where they are written, and LIBDIR may name the
# folder of libraries (PREFIX/lib). Further arguments are cargo's, for instance --target.
set -euo pipefail
if [[ $# -lt 1 || $1 != /* ]]; then
    echo "usage: packaging/install-c.sh PREFIX [ARGUMENT OF CARGO].., with a PREFIX that begins with /" >&2
    exit 2
fi
prefix=$1
shift
libdir=${LIBDIR:-$prefix/lib}
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# cargo tells which files it made, and rustc what a program with the static library needs besides.
log=$(mktemp)
trap 'rm "$log"' EXIT
cargo rustc --release --locked -p dcodec-capi "$@" --message-format json-render-diagnostics --crate-type staticlib \
    -- --print native-static-libs="$log" >/dev/null
private=$(sed 's/^note: native-static-libs: //' "$log")
files=$(cargo build --release --locked -p dcodec-capi "$@" --message-format json-render-diagnostics)
made() {
    python3 -c '
import json, sys
lines = [json.loads(line) for line in sys.stdin]
made = [line for line in lines if line["reason"] == "compiler-artifact" and "capi" in line["manifest_path"]]
print(next(name for name in made[-1]["filenames"] if name.endswith(sys.argv[1])))' "$1" <<<"$files"
}
version=$(sed -n '/^\[workspace.package\]/,/^$/s/^version = "\(.*\)"/\1/p' Cargo.toml)
abi=$(sed -n 's/^#define DCODEC_ABI_VERSION \([0-9]*\)$/\1/p' crates/capi/include/dcodec.h)

to=${DESTDIR:-}$libdir
install -d "$to/pkgconfig" "${DESTDIR:-}$prefix/include"
install -m 644 crates/capi/include/dcodec.h "${DESTDIR:-}$prefix/include/dcodec.h"
install -m 644 "$(made .a)" "$to/libdcodec.a"
case $(uname -s) in
Darwin)
    install -m 755 "$(made .dylib)" "$to/libdcodec.$abi.dylib"
    ln -sf "libdcodec.$abi.dylib" "$to/libdcodec.dylib"
    ;;
*)
    install -m 755 "$(made .so)" "$to/libdcodec.so.$abi"
    ln -sf "libdcodec.so.$abi" "$to/libdcodec.so"
    ;;
esac
cat >"$to/pkgconfig/dcodec.pc" <<PC
prefix=$prefix
libdir=$libdir
includedir=\${prefix}/include

Name: dcodec
Description: A progressive image codec whose prior is a diffusion model
Version: $version
Libs: -L\${libdir} -ldcodec
Libs.private: $private
Cflags: -I\${includedir}
PC
printf 'installed: %s\n' "$to/libdcodec.a" "$to/pkgconfig/dcodec.pc" "${DESTDIR:-}$prefix/include/dcodec.h"
