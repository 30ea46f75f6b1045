#!/usr/bin/env bash
# `make prepare`: writes .sqlx, what the compiler knows of our queries when no database is there.
# `prepare.sh --check` writes nothing and says what would change.
#
# sqlx's macros write it themselves when they meet a database, so no tool is needed: a throw-away cluster gets the
# migrations, and the crates with queries are compiled once against it.
source "$(dirname "$0")/environment.sh"

if [ -z "${INTERLOCK_PREPARING:-}" ]; then
    INTERLOCK_PREPARING=1 exec cargo xtask with-postgres "$0" "$@"
fi

fresh="$(mktemp -d)"
trap 'rm -rf "$fresh"' EXIT
psql="$(compgen -G "${PG_BINDIR:-/usr/lib/postgresql/*/bin}/psql" | sort -V | tail -n 1 || true)"
for migration in migrations/*.sql; do
    "${psql:-psql}" -X -q -v ON_ERROR_STOP=1 --single-transaction -f "$migration" "$DATABASE_URL" >/dev/null
done
# Compiled before, the macros would not run again.
grep -rlE 'query(_as|_scalar)?(_unchecked)?!' --include='*.rs' crates server | xargs -r touch
SQLX_OFFLINE=false SQLX_OFFLINE_DIR="$fresh" cargo check --all-targets

if [ "${1:-}" = --check ]; then
    diff -rq "$fresh" .sqlx || fail ".sqlx is not what the queries and migrations make of it: run \`make prepare\` and commit it."
    say ".sqlx is up to date: $(ls .sqlx | wc -l) queries"
else
    mkdir -p .sqlx
    find .sqlx -name 'query-*.json' -delete
    cp "$fresh"/query-*.json .sqlx/
    say ".sqlx has $(ls .sqlx | wc -l) queries"
fi
