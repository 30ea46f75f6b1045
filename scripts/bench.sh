#!/usr/bin/env bash
# `make bench`: measurements of the release build. First what a browser downloads; then every executable
# `scripts/bench-*.sh`, which finds the programs in INTERLOCK_PROGRAMS and the site in INTERLOCK_SITE_ROOT.
source "$(dirname "$0")/environment.sh"
scripts/setup.sh test
cargo xtask build --release
export INTERLOCK_PROGRAMS="$CARGO_TARGET_DIR/release" INTERLOCK_SITE_ROOT="$CARGO_TARGET_DIR/site"
for measurement in scripts/bench-*.sh; do
    if [ -x "$measurement" ]; then
        say "$measurement"
        "$measurement"
    fi
done
