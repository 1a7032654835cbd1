#!/usr/bin/env bash
# usage: .ci/checks-bite.sh
# A check that never fails proves nothing. So each mistake that our checks are for is made here, in a copy
# of the workspace, and the check has to find it.
set -euo pipefail
cd "$(dirname "$0")/.."

# Dependencies that are built already are used again; only what is changed is built.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}" CARGO_NET_OFFLINE=true
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files -z | tar --create --null --files-from=- | tar --extract --directory "$copy"
cd "$copy"

# expect_failure NAME TEXT COMMAND…: the command has to fail, and to say TEXT.
expect_failure() {
  local name=$1 text=$2 said
  shift 2
  if said=$("$@" 2>&1); then
    echo "checks-bite: nothing noticed: $name" >&2
    exit 1
  fi
  grep -q "$text" <<<"$said" ||
    { printf '%s\nchecks-bite: failed, but not because of: %s\n' "$said" "$name" >&2; exit 1; }
  echo "noticed: $name"
}

sed -i.before 's/^\[dependencies\]$/&\ntokio.workspace = true/' crates/blocking-server/Cargo.toml
expect_failure 'tokio among the dependencies of blocking-server' 'links an async runtime: tokio' \
  .ci/no-async-runtime.sh
mv crates/blocking-server/Cargo.toml.before crates/blocking-server/Cargo.toml

cat >>crates/async-server/src/views.rs <<'RUST'

/// The classic mistake.
pub async fn blocks_the_loop() {
    std::thread::sleep(std::time::Duration::from_secs(1));
}
RUST
expect_failure 'std::thread::sleep in an async view' 'disallowed method' \
  cargo clippy --package async-server -- -D warnings

cat >>crates/bridges/src/offload.rs <<'RUST'

/// The same mistake, without a word that gives it away.
pub async fn calls_a_blocking_view(request: &mut blocking_server::request::Request<'_>, up: &Client) -> Answer {
    views::view(request, up)
}
RUST
expect_failure 'a blocking view called in an event loop' 'disallowed method' \
  cargo clippy --package bridges -- -D warnings
