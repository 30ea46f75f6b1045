# Sourced by the scripts beside it: where things are built, and how progress is said. Runs in the repository's root.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Outside the clone: a checkout stays small and can be thrown away.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/interlock/target}"
# A machine that builds once gains nothing from incremental builds but gigabytes.
if [ -n "${CI:-}" ]; then export CARGO_INCREMENTAL="${CARGO_INCREMENTAL:-0}"; fi

programs="$CARGO_TARGET_DIR/debug"

say() { printf '==> %s\n' "$*"; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# What runs on the server, pages included, with the features it runs with. One list for lints and tests, so that nothing is
# built twice.
rooms=(--package domain --package labels --package store --package connectors --package worker --package simulators --package app --package server --features app/ssr)
