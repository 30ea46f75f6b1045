#!/usr/bin/env bash
# `make run`: installs what is missing, builds, and becomes the portal with its demo data and simulated ERP.
# Where data and site lie is the program's own default (`interlock serve --help`); variables INTERLOCK_… reach it.
source "$(dirname "$0")/environment.sh"
begun=$SECONDS

scripts/setup.sh run
cargo build --package xtask # `cargo xtask` itself is silent while it is built
cargo xtask build

say "Built after $((SECONDS - begun)) s"
# In our place: Ctrl-C and kill reach the program itself, which stops all that it started.
exec "$programs/interlock" serve --demo --alive "$@"
