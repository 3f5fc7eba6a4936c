#!/usr/bin/env bash
# Writes what belongs beside the command: packaging/share.sh DCODEC FOLDER [TARGET [FEATURES]]. DCODEC is the command, which
# makes its own manual pages and completions; FOLDER becomes the `share` of a prefix. With a target the licences of the crates
# that are linked are written too.
set -euo pipefail
dcodec=$1
share=$2
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mkdir -p "$share"/{bash-completion/completions,zsh/site-functions,fish/vendor_completions.d,man/man1,doc/dcodec,mime/packages,thumbnailers}
"$dcodec" completions bash >"$share/bash-completion/completions/dcodec"
"$dcodec" completions zsh >"$share/zsh/site-functions/_dcodec"
"$dcodec" completions fish >"$share/fish/vendor_completions.d/dcodec.fish"
"$dcodec" man -o "$share/man/man1"
cp packaging/desktop/dcodec.xml "$share/mime/packages/dcodec.xml"
cp packaging/desktop/dcodec.thumbnailer "$share/thumbnailers/dcodec.thumbnailer"
cp packaging/desktop/delegates.xml LICENSE-APACHE LICENSE-MIT "$share/doc/dcodec/"
if [[ $# -gt 2 ]]; then
    python3 packaging/licences.py "$3" "${4:-}" >"$share/doc/dcodec/LICENSES-OF-CRATES"
fi
