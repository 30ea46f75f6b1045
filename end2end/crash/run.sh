#!/usr/bin/env bash
# The crash test: kill -9 at random moments while suppliers answer, a machine ships and material is held. More with INTERLOCK_CRASHES, the same with INTERLOCK_SEED.
# Tries what `cargo xtask build` made last, or what INTERLOCK_BIN and INTERLOCK_SITE_ROOT name.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
built="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/interlock/target}"
export INTERLOCK_BIN="${INTERLOCK_BIN:-$built/debug/interlock}" INTERLOCK_SITE_ROOT="${INTERLOCK_SITE_ROOT:-$built/site}"
exec npx playwright test --config crash/playwright.config.ts "$@"
