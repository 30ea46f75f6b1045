#!/usr/bin/env bash
# Installs what is missing, and only that: `setup.sh run` for the program, `setup.sh test` for the tests as well.
# Nothing is said or done about what is there already.
source "$(dirname "$0")/environment.sh"
purpose="${1:-run}"

# --- Rust -----------------------------------------------------------------------------------------------------------
have cargo || fail "cargo was not found. Install Rust 1.95 or newer with rustup (https://rustup.rs), then start again."
release="$(rustc --version | cut -d' ' -f2)"
oldest="$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)"
if [ "$(printf '%s\n' "$oldest" "${release%%-*}" | sort -V | head -n 1)" != "$oldest" ]; then
    fail "Rust $release is too old, $oldest or newer is needed: rustup update stable"
fi
if [ ! -d "$(rustc --print sysroot)/lib/rustlib/wasm32-unknown-unknown" ]; then
    say "Adding Rust's WebAssembly target"
    have rustup || fail "the target wasm32-unknown-unknown is missing and there is no rustup to add it. \
Install rustup, or take the standard library for wasm from your distribution."
    rustup target add wasm32-unknown-unknown || fail "rustup could not add the target wasm32-unknown-unknown (see above). \
Where rustup's server cannot be reached, Debian's packages rust-web-src and rustc-web have what it takes to build it."
fi

# --- Debian packages ------------------------------------------------------------------------------------------------
missing=()
have cc || missing+=(gcc libc6-dev)
if [ -z "${DATABASE_URL:-}" ] || [ "$purpose" = test ]; then
    compgen -G "${PG_BINDIR:-/usr/lib/postgresql/*/bin}/initdb" >/dev/null || have initdb || missing+=(postgresql)
fi
if [ "$purpose" = test ]; then
    have chromium || missing+=(chromium)
    have pdftoppm || missing+=(poppler-utils)
    have xmllint || missing+=(libxml2-utils)
    have python3 && python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
fi
if [ ${#missing[@]} -gt 0 ]; then
    have apt-get || fail "please install these by hand (there is no apt-get here): ${missing[*]}"
    as_root=()
    if [ "$(id -u)" != 0 ]; then
        have sudo || fail "please run as root, there is no sudo here: apt-get install ${missing[*]}"
        as_root=(sudo)
    fi
    say "Installing Debian packages: ${missing[*]}"
    # Debian starts a database server of its own with the package. We want the programs only.
    no_server=/etc/postgresql-common/createcluster.d/interlock-setup.conf
    "${as_root[@]}" mkdir -p "$(dirname "$no_server")"
    echo 'create_main_cluster = false' | "${as_root[@]}" tee "$no_server" >/dev/null
    trap '"${as_root[@]}" rm -f "$no_server"' EXIT
    "${as_root[@]}" apt-get -q update
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qy install --no-install-recommends "${missing[@]}"
fi

# --- npm packages of the browser tests ------------------------------------------------------------------------------
if [ "$purpose" = test ] && [ -f end2end/package-lock.json ]; then
    have npm || fail "npm was not found. Install Node 20 or newer for the browser tests."
    installed=end2end/node_modules/.package-lock-installed.json
    if ! cmp -s end2end/package-lock.json "$installed"; then
        say "Installing the npm packages of end2end"
        (cd end2end && npm ci --no-audit --no-fund)
        cp end2end/package-lock.json "$installed"
    fi
fi
