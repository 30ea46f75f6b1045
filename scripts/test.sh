#!/usr/bin/env bash
# `make test`: everything that must hold, step by step, with one table at the end. Exit code 1 if any step failed.
# A step whose subject is not there is skipped, and says so.
source "$(dirname "$0")/environment.sh"

steps=0 failed=0 passed=0 skipped=0
table=""

note() { table+="$(printf '  %2d  %-34s %-8s %6s  %s' "$steps" "$1" "$2" "$3" "${4:-}")"$'\n'; }

# step <name> <command…>: runs it, whatever became of the steps before.
step() {
    local name="$1" begun=$SECONDS
    shift
    steps=$((steps + 1))
    printf '\n==> %d. %s\n' "$steps" "$name"
    if "$@"; then
        passed=$((passed + 1))
        note "$name" ok $((SECONDS - begun))
        printf '    ok, %d s\n' $((SECONDS - begun))
    else
        failed=$((failed + 1))
        note "$name" FAILED $((SECONDS - begun))
        printf '    FAILED, %d s\n' $((SECONDS - begun))
        return 0
    fi
}

skip() {
    steps=$((steps + 1)) skipped=$((skipped + 1))
    printf '\n==> %d. %s\n    skipped: %s\n' "$steps" "$1" "$2"
    note "$1" skipped - "$2"
}

# What git sees as changed or new, with its content.
tree() { git status --porcelain; git diff HEAD 2>/dev/null | cksum; }

rust_tests() {
    if cargo nextest --version >/dev/null 2>&1; then
        cargo xtask with-postgres cargo nextest run "${rooms[@]}" --no-fail-fast
    else
        cargo xtask with-postgres cargo test "${rooms[@]}" --quiet --no-fail-fast
    fi && cargo test --quiet --package xtask stylesheet
}

browser_tests() {
    (cd end2end && INTERLOCK_BIN="$programs/interlock" INTERLOCK_SITE_ROOT="$CARGO_TARGET_DIR/site" npx playwright test)
}

crash_test() {
    INTERLOCK_BIN="$programs/interlock" INTERLOCK_SITE_ROOT="$CARGO_TARGET_DIR/site" end2end/crash/run.sh
}

api_test() {
    INTERLOCK_BIN="$programs/interlock" INTERLOCK_SITE_ROOT="$CARGO_TARGET_DIR/site" end2end/api/run.sh
}

tree_unchanged() {
    local after
    after="$(tree)"
    if [ "$before" = "$after" ]; then return 0; fi
    printf 'The run changed files that git watches:\n'
    diff <(echo "$before") <(echo "$after")
}

before="$(tree)"

step "what is missing is installed" scripts/setup.sh test
step "build tool" cargo build --package xtask # `cargo xtask` itself is silent while it is built
step "format" scripts/check.sh format
step "lints: server, pages, build" scripts/check.sh lints
if [ -d .sqlx ]; then
    step "queries match the migrations" scripts/prepare.sh --check
else
    skip "queries match the migrations" "no .sqlx"
fi
step "Rust tests on PostgreSQL" rust_tests
step "build" cargo xtask build
if [ -x scripts/erp.sh ]; then
    step "a real ERP" scripts/erp.sh test
else
    skip "a real ERP" "no scripts/erp.sh"
fi
step "the machine interface as it is described" api_test
if compgen -G 'end2end/playwright.config.*' >/dev/null; then
    step "types of the browser tests" npm --prefix end2end run --silent types
    step "browser tests" browser_tests
    step "kill -9 while answers are sent" crash_test
else
    skip "browser tests" "no end2end/playwright.config"
fi
step "the run left the tree as it was" tree_unchanged

printf '\n  no  %-34s %-8s %6s\n%s' "step" "result" "seconds" "$table"
printf '\nSteps after %d s: %d passed, %d failed, %d skipped\n' "$SECONDS" "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
