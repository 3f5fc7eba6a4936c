#!/usr/bin/env bash
# The package for web pages and the demo, in a real browser: builds the modules, checks their sizes and what npm would publish,
# builds an app with Vite, and runs the tests of web/test in Debian's Chromium. Ends with 0 if all is well, and fails if
# something cannot be had: as root it installs chromium, by npm what web/package-lock.json names. DCODEC may name a native
# command with the feature view; else it is built. DCODEC_WEB_LONG=1 takes all samples, ten cuts of each, and larger pictures.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
    echo "error: $*" >&2
    exit 1
}
command -v npm >/dev/null || fail "npm is missing: install Node 20.19 or later"
node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' ||
    fail "Node 20.19 or later is needed"
rustup target list --installed 2>/dev/null | grep -qx wasm32-unknown-unknown || rustup target add wasm32-unknown-unknown

export CHROMIUM=${CHROMIUM:-/usr/bin/chromium}
if [[ ! -x $CHROMIUM ]]; then
    [[ $(id -u) == 0 ]] || fail "$CHROMIUM is missing: apt-get install chromium, or name it by CHROMIUM"
    apt-get -qq update
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends chromium >/dev/null
fi

if [[ -z ${DCODEC:-} ]]; then
    cargo build --release -p dcodec-cli --features view
    DCODEC=${CARGO_TARGET_DIR:-target}/release/dcodec
fi
DCODEC=$(realpath "$DCODEC")
export DCODEC

npm --prefix web ci --no-audit --no-fund
web/build.sh
cd web
node check.mjs
# One file at a time: two browsers would take each other's time. A test that hangs is ended.
node --test --test-concurrency=1 --test-timeout="${DCODEC_WEB_TIMEOUT:-900000}" test/*.test.mjs
