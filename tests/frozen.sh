#!/usr/bin/env bash
# The conformance files never change: files of version 1 decode to the same pictures for ever, and other decoders are tested by
# these. Ends with 1 if a file of codec-spec/files/ok or codec-spec/files/bad was changed, renamed or removed by a commit, or is
# changed now. New files may come at any time. A clone without its whole history is not judged.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folders=(codec-spec/files/ok codec-spec/files/bad)

if ! git rev-parse --git-dir >/dev/null 2>&1; then
    echo "skipped: no repository with the history of the conformance files"
    exit 0
fi
if [[ $(git rev-parse --is-shallow-repository) == true ]]; then
    echo "skipped: a shallow clone lacks the history of the conformance files"
    exit 0
fi
# Every change but an addition: of the history, merges included, then of the working tree.
changes=$(
    git log --full-history -m --no-renames --diff-filter=a --format='commit %h' --name-status -- "${folders[@]}"
    git diff --no-renames --diff-filter=a --name-status HEAD -- "${folders[@]}"
)
if [[ -n $changes ]]; then
    printf 'error: conformance files were changed, which are there for ever:\n%s\n' "$changes" >&2
    exit 1
fi
printf '%d conformance files, none changed since it came\n' "$(git ls-files -- "${folders[@]}" | wc -l)"
