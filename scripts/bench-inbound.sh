#!/usr/bin/env bash
# Large ship notices, release checks of many lots, the dock's board among many notices. See docs/benchmarks.md.
source "$(dirname "$0")/environment.sh"
source scripts/bench-programs.sh
INTERLOCK_BENCH="$(measuring inbound)"
exec cargo xtask with-postgres --durable "$INTERLOCK_BENCH"
