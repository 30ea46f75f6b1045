#!/usr/bin/env bash
# The crash test: kill -9 at random moments while suppliers answer. More with INTERLOCK_CRASHES, the same with INTERLOCK_SEED.
# Needs INTERLOCK_BIN and INTERLOCK_SITE_ROOT, as scripts/test.sh sets them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec npx playwright test --config crash/playwright.config.ts "$@"
