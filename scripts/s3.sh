#!/usr/bin/env bash
# A real S3-compatible store (moto from PyPI, pinned, in a virtual environment of its own in the cache) on a free port of
# 127.0.0.1, for the tests of the storage of documents.
#
#   scripts/s3.sh test [args]   start one, run the tests against it, stop it
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source_dir=$here/end2end/s3
room=${XDG_CACHE_HOME:-$HOME/.cache}/interlock/s3/$(sha256sum "$source_dir/requirements.txt" | cut -c1-16)
python=${PYTHON:-python3}
export PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1

say() { printf 's3: %s\n' "$*" >&2; }

if [ "${1:-}" != test ]; then
    sed -n '2,5p' "${BASH_SOURCE[0]}" | sed 's/^# \{0,1\}//'
    exit 0
fi
shift

if [ ! -e "$room/ready" ]; then
    say "installing moto from PyPI (once) …"
    rm -rf "$room"
    mkdir -p "$room"
    "$python" -m venv "$room/venv"
    "$room/venv/bin/pip" install --quiet --requirement "$source_dir/requirements.txt" >&2
    touch "$room/ready"
fi

# It ends with its standard input, which is ours: nothing is left behind, however this script ends.
coproc STORE { exec env -u AWS_PROFILE "$room/venv/bin/python" -W ignore "$source_dir/serve.py" 2>/dev/null; }
if ! read -r -t 60 address <&"${STORE[0]}"; then
    say "the store does not start: run $source_dir/serve.py in $room/venv to see why"
    exit 1
fi
say "an S3-compatible store answers at $address"
cd "$here"
export INTERLOCK_S3_ENDPOINT=$address
if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --package store --test files_s3 "$@"
else
    cargo test --package store --test files_s3 -- "$@"
fi
