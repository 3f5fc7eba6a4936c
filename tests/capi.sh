#!/usr/bin/env bash
# The library for C: installs it into an empty folder, compiles the example by what pkg-config says, shared and static, with
# all warnings as errors, and compares its pictures with those of the command. Then the example by valgrind: no error and
# no byte lost. Installs gcc, pkg-config and valgrind by apt-get where they are missing. DCODEC may name the command; else it
# is built.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT

need() {
    command -v "$1" >/dev/null || { apt-get -qq update && apt-get -qq install -y --no-install-recommends "$2" >/dev/null; }
}
need gcc gcc
need pkg-config pkg-config
need valgrind valgrind
if [[ -z ${DCODEC:-} ]]; then
    cargo build --release -p dcodec-cli
    DCODEC=${CARGO_TARGET_DIR:-target}/release/dcodec
fi
dcodec() {
    "$DCODEC" -q "$@"
}

packaging/install-c.sh "$scratch/c"
export PKG_CONFIG_PATH=$scratch/c/lib/pkgconfig
read -ra flags < <(pkg-config --cflags --libs dcodec)
read -ra static < <(pkg-config --cflags --libs --static dcodec)
compile=(gcc -std=c99 -O1 -g -Wall -Wextra -Werror -pedantic crates/capi/examples/stream.c)
"${compile[@]}" "${flags[@]}" -Wl,-rpath,"$scratch/c/lib" -o "$scratch/shared"
# `:` asks for the file of that name, and so for the static library.
"${compile[@]}" "${static[@]/-ldcodec/-l:libdcodec.a}" -o "$scratch/static"
grep -q "libdcodec.so.1 => $scratch" <<<"$(ldd "$scratch/shared")"
if grep -q libdcodec <<<"$(ldd "$scratch/static")"; then
    echo "error: the program with the static library needs the shared one" >&2
    exit 1
fi
# The header is one of C++ too.
if command -v g++ >/dev/null; then
    printf '#include <dcodec.h>\nint main() { return dcodec_abi_version() == DCODEC_ABI_VERSION ? 0 : 1; }\n' >"$scratch/version.cpp"
    g++ -Wall -Wextra -Werror -pedantic "$scratch/version.cpp" "${flags[@]}" -Wl,-rpath,"$scratch/c/lib" -o "$scratch/version"
    "$scratch/version"
fi

# Pieces of 1 KB give the picture of the command: colour, grey, alpha, a prefix, and an exact end.
same() {
    dcodec decode -f "$1" -o "$scratch/command.png" "${@:2}"
    python3 - "$scratch/command.png" "$scratch/c.pnm" <<'PY'
import struct, sys, zlib

def png(path):
    """Width, height, channels and samples of a PNG."""
    data = open(path, "rb").read()
    at, rows, size = 8, b"", None
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + length]
        at += 12 + length
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", body[:10])
        elif kind == b"IDAT":
            rows += body
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    step = channels * depth // 8
    stride = width * step
    rows, out, above = zlib.decompress(rows), bytearray(), bytes(stride)
    for y in range(height):
        kind, *row = rows[y * (stride + 1) : (y + 1) * (stride + 1)]
        for i in range(stride):
            a = row[i - step] if i >= step else 0
            b = above[i]
            c = above[i - step] if i >= step else 0
            p = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
            row[i] = (row[i] + [0, a, b, (a + b) // 2, p][kind]) & 255
        out += bytes(row)
        above = row
    return width, height, channels, bytes(out)

def pnm(path):
    """The same of a PNM or PAM file."""
    data = open(path, "rb").read()
    if data[:2] == b"P7":
        head, samples = data.split(b"ENDHDR\n", 1)
        fields = dict(line.split(b" ") for line in head.split(b"\n")[1:-1])
        return int(fields[b"WIDTH"]), int(fields[b"HEIGHT"]), int(fields[b"DEPTH"]), samples
    kind, size, most, samples = data.split(b"\n", 3)
    width, height = map(int, size.split())
    return width, height, {b"P5": 1, b"P6": 3}[kind], samples

command, own = map(lambda f, path: f(path), (png, pnm), sys.argv[1:])
assert command == own, f"{command[:3]} {len(command[3])} bytes, {own[:3]} {len(own[3])} bytes"
PY
}
convert_to() {
    python3 - "$@" <<'PY'
import sys
path, width, height, channels = sys.argv[1], *map(int, sys.argv[2:])
types = {2: b"GRAYSCALE_ALPHA", 4: b"RGB_ALPHA"}
with open(path, "wb") as file:
    if channels in (1, 3):
        file.write(b"P%d\n%d %d\n255\n" % (5 if channels == 1 else 6, width, height))
    else:
        file.write(b"P7\nWIDTH %d\nHEIGHT %d\nDEPTH %d\nMAXVAL 255\nTUPLTYPE %s\nENDHDR\n" % (width, height, channels, types[channels]))
    file.write(bytes((x * 3 + y * (c + 1) + (x * y) // 9) % 256 for y in range(height) for x in range(width) for c in range(channels)))
PY
}
run() {
    "$scratch/shared" "$1" "$scratch/c.pnm" "${@:2}" 2>"$scratch/log" || { cat "$scratch/log"; exit 1; }
}
dcodec encode samples/coffee.png --bpp 0.4 -o "$scratch/colour.dfc"
dcodec encode samples/camera.png -e 1 --bpp 0.3 -o "$scratch/grey.dfc"
dcodec encode samples/badge.png -Q 60 -o "$scratch/alpha.dfc"
convert_to "$scratch/small.ppm" 40 30 3
dcodec encode "$scratch/small.ppm" --lossless -o "$scratch/exact.dfc"
head -c 5000 "$scratch/colour.dfc" >"$scratch/prefix.dfc"
for name in colour grey alpha exact prefix; do
    run "$scratch/$name.dfc"
    same "$scratch/$name.dfc"
    printf '%s: %s\n' "$name" "$(tail -n 1 "$scratch/log")"
done
run "$scratch/colour.dfc" 100
same "$scratch/colour.dfc" --thumbnail 100
"$scratch/static" "$scratch/alpha.dfc" "$scratch/c.pnm" 2>/dev/null
same "$scratch/alpha.dfc"
# An error has a reason.
if "$scratch/shared" samples/coffee.png "$scratch/no.pnm" 2>"$scratch/log"; then
    echo "error: a PNG was taken for a file of dcodec" >&2
    exit 1
fi
grep -q 'dcodec_stream_push: .* (status 2)' "$scratch/log"

# Networks that are kept for the next call and the threads' own data are reachable at the end, and no loss.
check() {
    RAYON_NUM_THREADS=2 valgrind --quiet --leak-check=full --errors-for-leak-kinds=definite,indirect --show-leak-kinds=definite,indirect \
        --error-exitcode=9 "$scratch/shared" "$@" 2>"$scratch/log" || { cat "$scratch/log"; exit 1; }
    if grep '^==' "$scratch/log"; then
        exit 1
    fi
}
convert_to "$scratch/tiny.ppm" 20 18 3
dcodec encode "$scratch/tiny.ppm" -e 1 -Q 30 --no-exact -o "$scratch/tiny.dfc"
check "$scratch/tiny.dfc" "$scratch/c.pnm"
check "$scratch/tiny.dfc" "$scratch/c.pnm" 8
echo "valgrind: no error, nothing lost"
