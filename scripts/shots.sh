#!/usr/bin/env bash
# `make shots`: the screenshots of the README, taken by the browser tests of the running program.
source "$(dirname "$0")/environment.sh"
scripts/setup.sh test
cargo xtask build
cd end2end
INTERLOCK_BIN="$programs/interlock" INTERLOCK_SITE_ROOT="$CARGO_TARGET_DIR/site" npm run shots
