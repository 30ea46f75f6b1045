#!/usr/bin/env bash
# `make run`: installs what is missing, builds, and becomes the portal with its demo data and simulated ERP.
source "$(dirname "$0")/environment.sh"
begun=$SECONDS

scripts/setup.sh run
cargo build --package xtask # `cargo xtask` itself is silent while it is built
cargo xtask build

# Root's home is closed to the account that PostgreSQL runs as when root starts it, so root's data goes elsewhere.
default_data="${XDG_DATA_HOME:-$HOME/.local/share}/interlock"
if [ "$(id -u)" = 0 ] && [ -z "${XDG_DATA_HOME:-}" ]; then default_data=/var/lib/interlock; fi
export INTERLOCK_DATA_DIR="${INTERLOCK_DATA_DIR:-$default_data}"
export INTERLOCK_SITE_ROOT="${INTERLOCK_SITE_ROOT:-$CARGO_TARGET_DIR/site}"

say "Ready to start after $((SECONDS - begun)) s; data in $INTERLOCK_DATA_DIR"
# In our place: Ctrl-C and kill reach the program itself, which stops all that it started.
exec "$programs/interlock" serve --demo "$@"
