#!/usr/bin/env bash
# Makes samples/ of the demo from the sample pictures of the repository. DCODEC names the command; BPP is the rate.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

mkdir -p samples
names=()
for picture in coffee chelsea rocket astronaut camera; do
    "${DCODEC:-../../target/release/dcodec}" -q encode "../../samples/$picture.png" --bpp "${BPP:-0.4}" --no-exact -o "samples/$picture.dfc" -f
    cp "../../samples/$picture.png" samples/
    names+=("\"$picture\"")
done
(IFS=,; printf '[%s]\n' "${names[*]}") >samples/list.json
