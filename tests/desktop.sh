#!/usr/bin/env bash
# The files for desktops, each with the tool that reads it: the media type by xdg-mime and gio, by name and by content; the
# thumbnailer by its own Exec line; ImageMagick's delegates by convert. Installs the tools by apt-get where they are missing.
# DCODEC may name the command; else it is built.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT

need() {
    [[ -e $1 ]] || { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$2" >/dev/null; }
}
need /usr/bin/update-mime-database shared-mime-info
need /usr/bin/xdg-mime xdg-utils
need /usr/bin/gio libglib2.0-bin
need /usr/bin/convert imagemagick
if [[ -z ${DCODEC:-} ]]; then
    cargo build --release -p dcodec-cli
    DCODEC=${CARGO_TARGET_DIR:-target}/release/dcodec
fi
# A home where nothing is installed, and the command in the path by its name.
mkdir -p "$scratch/bin" "$scratch/home"
ln -s "$(realpath "$DCODEC")" "$scratch/bin/dcodec"
export PATH=$scratch/bin:$PATH HOME=$scratch/home XDG_DATA_HOME=$scratch/home/.local/share XDG_CONFIG_HOME=$scratch/home/.config
export XDG_CURRENT_DESKTOP=GNOME
mkdir -p "$XDG_DATA_HOME/mime"

fail() {
    echo "error: $*" >&2
    exit 1
}
is() {
    [[ $2 == "$3" ]] || fail "$1: '$2', not '$3'"
}

dcodec encode -q samples/chelsea.png -e 1 -Q 40 -o "$scratch/photo.dfc"
dcodec encode -q samples/badge.png -Q 40 -o "$scratch/badge.dfc"
cp "$scratch/photo.dfc" "$scratch/no_name"
head -c 2 "$scratch/photo.dfc" >"$scratch/short"

# The media type.
type_of() {
    xdg-mime query filetype "$1"
}
[[ $(type_of "$scratch/photo.dfc") != image/x-dfc ]] || fail "the media type is known before it is installed"
xdg-mime install --mode user --novendor packaging/desktop/dcodec.xml
for file in photo.dfc no_name; do
    is "xdg-mime $file" "$(type_of "$scratch/$file")" image/x-dfc
    is "gio $file" "$(gio info -a standard::content-type "$scratch/$file" | sed -n 's/^ *standard::content-type: //p')" image/x-dfc
done
[[ $(type_of "$scratch/short") != image/x-dfc ]] || fail "two bytes are taken for a file"
[[ $(type_of samples/chelsea.png) == image/png ]] || fail "a PNG is no PNG any more"
# The signature and the version of the specification are those of the files.
is signature "$(head -c 4 "$scratch/photo.dfc" | od -An -tx1 | tr -d ' ')" 89444601
echo "media type: by name and by content"

# The thumbnailer, with names that have to be quoted.
exec=$(sed -n 's/^Exec=//p' packaging/desktop/dcodec.thumbnailer)
command -v "$(sed -n 's/^TryExec=//p' packaging/desktop/dcodec.thumbnailer)" >/dev/null || fail "TryExec"
is "thumbnailer's type" "$(sed -n 's/^MimeType=//p' packaging/desktop/dcodec.thumbnailer)" "image/x-dfc;"
thumbnail() {
    local line=$exec
    line=${line//%s/$3}
    line=${line//%i/$(printf %q "$1")}
    line=${line//%o/$(printf %q "$2")}
    bash -c "$line"
}
mkdir "$scratch/a folder"
cp "$scratch/photo.dfc" "$scratch/a folder/it's 1.dfc"
# Some desktops ask for a file without an ending, which exists.
touch "$scratch/out.X1"
for out in out.X1 out.png; do
    thumbnail "$scratch/a folder/it's 1.dfc" "$scratch/$out" 128
    is "thumbnail $out" "$(identify -format '%m %wx%h' "png:$scratch/$out")" "PNG 128x85"
done
thumbnail "$scratch/badge.dfc" "$scratch/badge.png" 48
is "thumbnail with alpha" "$(identify -format '%m %wx%h %A' "$scratch/badge.png" | tr '[:upper:]' '[:lower:]')" "png 48x40 true"
if thumbnail "$scratch/short" "$scratch/none.png" 48 2>/dev/null || [[ -e $scratch/none.png ]]; then
    fail "a thumbnail of two bytes"
fi
echo "thumbnailer: ${exec%% *}"

# ImageMagick, by the user's own delegates.
mkdir -p "$XDG_CONFIG_HOME/ImageMagick"
cp packaging/desktop/delegates.xml "$XDG_CONFIG_HOME/ImageMagick/"
for name in photo badge; do
    convert "$scratch/$name.dfc" "$scratch/$name.im.png"
    dcodec decode -q "$scratch/$name.dfc" -o "$scratch/$name.own.png"
    cmp <(convert "$scratch/$name.im.png" -depth 8 rgba:-) <(convert "$scratch/$name.own.png" -depth 8 rgba:-) || fail "$name.dfc by convert"
done
convert samples/chelsea.png -resize 100x -quality 60 "$scratch/small.dfc"
dcodec encode -q -Q 60 <(convert samples/chelsea.png -resize 100x png:-) -o "$scratch/wanted.dfc"
cmp <(dcodec decode -q "$scratch/small.dfc" -o - --format ppm) <(dcodec decode -q "$scratch/wanted.dfc" -o - --format ppm) || fail "-quality 60"
echo "ImageMagick: $(convert --version | sed -n 's/^Version: ImageMagick \([^ ]*\).*/\1/p') reads and writes"
