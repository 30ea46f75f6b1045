# Sourced by the measurements beside it (and not executable, so that bench.sh does not run it): builds one of them and says
# where it is.
export INTERLOCK_PROGRAMS="${INTERLOCK_PROGRAMS:-$CARGO_TARGET_DIR/release}"
export INTERLOCK_SITE_ROOT="${INTERLOCK_SITE_ROOT:-$CARGO_TARGET_DIR/site}"

# The path of the measuring program $1.
measuring() {
    cargo build --quiet --release --bench "$1" --message-format json |
        node -e '
            const lines = require("node:fs").readFileSync(0, "utf8").split("\n").filter(Boolean).map((line) => JSON.parse(line));
            console.log(lines.findLast((line) => line.target?.name === process.argv[1] && line.executable).executable);' "$1"
}
