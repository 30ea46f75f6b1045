#!/usr/bin/env bash
# The machine interface against its own description: schemathesis (PyPI, pinned, in a virtual environment of its own in the
# cache) calls a real portal with the demo's data, once as a supplier's machine and once as one of the house.
# Tries what `cargo xtask build` made last, or what INTERLOCK_BIN and INTERLOCK_SITE_ROOT name.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
built="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/interlock/target}"
export INTERLOCK_BIN="${INTERLOCK_BIN:-$built/debug/interlock}" INTERLOCK_SITE_ROOT="${INTERLOCK_SITE_ROOT:-$built/site}"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/interlock/schemathesis"
room="$cache/$(sha256sum "$here/requirements.txt" | cut -c1-16)"
python="${PYTHON:-python3}"
unset DATABASE_URL # the portal brings its own cluster
export PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1 NO_PROXY=127.0.0.1

if [ ! -e "$room/ready" ]; then
    echo "api: installing schemathesis from PyPI (once) …" >&2
    rm -rf "$room"
    mkdir -p "$room"
    "$python" -m venv "$room/venv"
    "$room/venv/bin/pip" install --quiet --requirement "$here/requirements.txt" >&2
    touch "$room/ready"
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/interlock-api.XXXXXX")
chmod 755 "$work"
"$INTERLOCK_BIN" serve --demo --listen 127.0.0.1:0 --data-dir "$work/data" >"$work/log" 2>&1 &
server=$!
end() {
    kill -INT "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
    rm -rf "$work"
}
trap end EXIT

portal=""
for _ in $(seq 1 300); do
    portal=$(grep -aoE 'http://127\.0\.0\.1:[0-9]+' "$work/log" | head -n 1 || true)
    if [ -n "$portal" ] && "$python" -c "import urllib.request as u; u.build_opener(u.ProxyHandler({})).open('$portal/readyz', timeout=2)" 2>/dev/null; then break; fi
    kill -0 "$server" 2>/dev/null || { cat "$work/log" >&2; exit 1; }
    sleep 0.2
done
[ -n "$portal" ] || { cat "$work/log" >&2; exit 1; }

checks=not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance,negative_data_rejection,ignored_auth
# try <name> <key> <phases> <options…>: the same calls every time, no faster than a machine may call. All phases over all
# operations take three minutes; here each side's own operations are gone through, and all are fuzzed.
try() {
    local name=$1 key=$2 phases=$3
    shift 3
    printf '\n--- as %s\n' "$name"
    (cd "$work" && "$room/venv/bin/schemathesis" run "$portal/api/openapi.json" --header "Authorization: Bearer $key" \
        --checks "$checks" --phases "${INTERLOCK_API_PHASES:-$phases}" --max-examples 10 --seed 20261123 --rate-limit 560/m \
        --generation-database none --request-timeout 10 --suppress-health-check all --warnings off --no-color "$@")
}

of_supplier=$("$python" "$here/keys.py" "$portal" rosa@brennholt.example supplier:100234 \
    orders:read orders:answer ship-notices:read ship-notices:send milestones:tell certificates:read certificates:hand-in)
of_house=$("$python" "$here/keys.py" "$portal" priya@norvik.example house \
    orders:read ship-notices:read milestones:tell certificates:read receipts:read receipts:post release-checks:ask stock:read)

try "a supplier's machine" "$of_supplier" examples,fuzzing
try "a machine of the house" "$of_house" examples,coverage --include-path-regex '/(stock|receipts|quality)'
