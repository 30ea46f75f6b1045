#!/usr/bin/env bash
# `make check`: format and lints. `check.sh format|lints` does one of them.
source "$(dirname "$0")/environment.sh"
part="${1:-all}"

if [ "$part" != lints ]; then cargo fmt --all --check; fi
if [ "$part" != format ]; then
    # Three ways: the program, the pages as the browser has them, and the build itself. Never all in one:
    # that would join the features `ssr` and `hydrate`.
    cargo clippy "${rooms[@]}" --all-targets -- -D warnings
    cargo clippy --package frontend --target wasm32-unknown-unknown -- -D warnings
    cargo clippy --package xtask --all-targets -- -D warnings
fi
