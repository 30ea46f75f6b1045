#!/usr/bin/env bash
# How fast events leave the house, beside graphile-worker, on one durable PostgreSQL; `bench-deliveries.sh [rounds]`.
# See docs/benchmarks.md.
source "$(dirname "$0")/environment.sh"
source scripts/bench-programs.sh
(cd end2end/load && npm ci --silent --no-audit --no-fund)
INTERLOCK_BENCH="$(measuring deliveries)"
export INTERLOCK_BENCH
exec cargo xtask with-postgres --durable node end2end/load/compare.mjs "$@"
