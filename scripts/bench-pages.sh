#!/usr/bin/env bash
# What pages cost, beside a bare axum handler; with and without row-level security; bytes and memory. See docs/benchmarks.md.
source "$(dirname "$0")/environment.sh"
source scripts/bench-programs.sh
program="$(measuring pages)"
exec "$program"
