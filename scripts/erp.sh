#!/usr/bin/env bash
# A real ERP (Tryton 8.2 from PyPI) for tests and for looking at, on a free port of 127.0.0.1.
#
#   scripts/erp.sh up [--json]      make one and start it; prints how to reach it (shell exports, or JSON)
#   scripts/erp.sh stop-server      stop its server and keep its database: the ERP is down
#   scripts/erp.sh start-server     start it again on the same port
#   scripts/erp.sh env [--json]     print again how to reach it
#   scripts/erp.sh down             stop it and throw its database away
#   scripts/erp.sh test [args]      up in a directory of its own, the connector's tests against it, down
#   scripts/erp.sh prepare          only fill the cache (virtual environment, today's database)
#
# INTERLOCK_ERP_DIR names the running instance's directory (default: one for all under the cache); give several
# instances a directory each. What takes long is kept in the cache: the virtual environment by the hash of
# requirements.txt, the empty database by its list of modules, the filled one by setup_db.py and the day.
# Cold about a minute on two cores, with the cache a few seconds.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source_dir=$here/end2end/erp
cache=${XDG_CACHE_HOME:-$HOME/.cache}/interlock/tryton
dir=${INTERLOCK_ERP_DIR:-$cache/running}
python=${PYTHON:-python3}
export TZ=UTC PIP_DISABLE_PIP_VERSION_CHECK=1

say() { printf 'erp: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
hash_of() { cat "$@" | sha256sum | cut -c1-16; }

# The virtual environment with the pinned packages. Made beside its final name, so that a broken one is never used.
venv() {
    room=$cache/$(hash_of "$source_dir/requirements.txt")
    mkdir -p "$room"
    if [ ! -e "$room/ready" ]; then
        "$python" -c 'import venv, ensurepip' 2>/dev/null ||
            die "Python's venv module is missing. Install it: apt-get install python3-venv"
        say "installing Tryton from PyPI (once; about half a minute) …"
        rm -rf "$room/venv"
        "$python" -m venv "$room/venv"
        "$room/venv/bin/pip" install --quiet --requirement "$source_dir/requirements.txt" >&2
        touch "$room/ready"
    fi
}

# Today's filled database, ready to be copied.
seeded() {
    local empty recipe
    recipe=$(hash_of "$source_dir/requirements.txt" "$source_dir/setup_db.py")
    # The empty database depends on the modules and the administrator's password only.
    empty=$room/empty-$(sed -n '/^MODULES/,/}$/p' "$source_dir/setup_db.py" | hash_of -).sqlite
    data=$room/$(date -u +%F)-$recipe
    [ -e "$data/seed.json" ] && return
    say "making today's database …"
    find "$room" -maxdepth 1 -type d -name '20*-*' -mtime +2 -exec rm -rf {} +
    rm -rf "$data.partial"
    "$room/venv/bin/python" -W ignore "$source_dir/setup_db.py" \
        --base "$data.partial" --schema "$empty" >&2
    rm -rf "$data"
    mv "$data.partial" "$data"
}

prepare() {
    mkdir -p "$cache"
    exec 9>"$cache/lock"
    flock 9 # two test runs at once fill the cache one after the other
    venv
    seeded
    exec 9>&-
}

free_port() {
    "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

answers() {
    "$python" - "$1" <<'PY'
import json, sys, urllib.request
body = json.dumps({"id": 1, "method": "common.server.version", "params": []}).encode()
request = urllib.request.Request(f"http://127.0.0.1:{sys.argv[1]}/rpc/", body, {"Content-Type": "application/json"})
try:
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=2).read()
except OSError:
    sys.exit(1)
PY
}

alive() {
    [ -e "$dir/server.pid" ] && kill -0 "$(cat "$dir/server.pid")" 2>/dev/null &&
        tr '\0' ' ' <"/proc/$(cat "$dir/server.pid")/cmdline" 2>/dev/null | grep -qF "$dir/trytond.conf"
}

start_server() {
    [ -e "$dir/trytond.conf" ] || die "there is nothing in $dir: run '$0 up' first"
    alive && return
    local port=${1:-$(cat "$dir/port")}
    printf '[database]\nuri = sqlite://\npath = %s\n[web]\nlisten = 127.0.0.1:%s\n' "$dir" "$port" >"$dir/trytond.conf"
    echo "$port" >"$dir/port"
    setsid "$(cat "$dir/venv")/bin/trytond" -c "$dir/trytond.conf" -d erp >>"$dir/server.log" 2>&1 </dev/null 9>&- &
    echo $! >"$dir/server.pid"
    for _ in $(seq 1 300); do
        answers "$port" && return
        alive || return 1
        sleep 0.2
    done
    return 1
}

stop_server() {
    if alive; then
        local pid
        pid=$(cat "$dir/server.pid")
        kill -TERM "$pid"
        for _ in $(seq 1 50); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
        kill -KILL "$pid" 2>/dev/null || true
    fi
    rm -f "$dir/server.pid"
}

up() {
    alive && return
    prepare
    rm -rf "$dir"
    mkdir -p "$dir"
    dir=$(cd "$dir" && pwd)
    cp "$data/erp.sqlite" "$data/seed.json" "$dir/"
    echo "$room/venv" >"$dir/venv"
    touch "$dir/trytond.conf"
    local try
    for try in 1 2 3; do # somebody else may take the free port first
        if start_server "$(free_port)"; then
            say "Tryton runs at http://127.0.0.1:$(cat "$dir/port") in $dir"
            return
        fi
        stop_server
    done
    tail -n 20 "$dir/server.log" >&2
    die "the server does not start; its log is $dir/server.log"
}

show() {
    [ -e "$dir/seed.json" ] || die "there is nothing in $dir: run '$0 up' first"
    "$python" - "$dir" "$here/scripts/erp.sh" "${1:-}" <<'PY'
import json, os, shlex, sys
dir, script, form = sys.argv[1:4]
read = lambda name: open(os.path.join(dir, name)).read().strip()
seed = json.loads(read("seed.json"))
pid = int(read("server.pid")) if os.path.exists(os.path.join(dir, "server.pid")) else None
known = {"url": f"http://127.0.0.1:{read('port')}", "database": seed["database"], "key": seed["key"],
    "buyer_key": seed["buyer_key"], "company": seed["company"], "admin": seed["logins"]["admin"], "pid": pid, "dir": dir,
    "seed": seed}
if form == "--json":
    print(json.dumps(known))
else:
    for name in ["url", "database", "key", "buyer_key", "company", "dir"]:
        print(f"export INTERLOCK_TRYTON_{name.upper()}={shlex.quote(str(known[name]))}")
    print(f"export INTERLOCK_TRYTON_SCRIPT={shlex.quote(script)}")
PY
}

down() {
    stop_server
    if [ -e "$dir/seed.json" ]; then rm -rf "$dir"; fi
}

run_tests() {
    mkdir -p "$cache"
    dir=$(mktemp -d "$cache/test.XXXXXX")
    export INTERLOCK_ERP_DIR=$dir
    trap down EXIT
    up
    eval "$(show)"
    cd "$here"
    # The tests share one ERP and one of them stops it: one at a time.
    if cargo nextest --version >/dev/null 2>&1; then
        cargo nextest run -p connectors --test tryton_real --test-threads 1 "$@"
    else
        cargo test -p connectors --test tryton_real -- --test-threads 1 "$@"
    fi
}

command=${1:-help}
shift || true
case $command in
up)
    up # not `up && …`: that would switch errexit off inside it
    show "${1:-}"
    ;;
env) show "${1:-}" ;;
stop-server) stop_server ;;
start-server) start_server || die "the server does not start; its log is $dir/server.log" ;;
down) down ;;
prepare) prepare ;;
test) run_tests "$@" ;;
*) sed -n '2,15p' "${BASH_SOURCE[0]}" | sed 's/^# \{0,1\}//' ;;
esac
