#!/usr/bin/env bash
# usage: .ci/no-async-runtime.sh
# Fails if an async runtime is linked into blocking-server. Looks at the workspace it is run in.
#
# Features are unified over all packages that are built together: a crate that is harmless on its own can
# pull a runtime in because a neighbour asks it to. So the tree is that of the whole workspace, cut down to
# what is under blocking-server. Dev-dependencies are left out, since no program links them.
set -euo pipefail

runtimes='tokio async-std smol async-executor async-io async-global-executor actix-rt compio-runtime
  embassy-executor futures-executor glommio monoio pollster'

# With --prefix depth a line is a depth and a package; members of the workspace are at depth 0.
tree=$(cargo tree --workspace --edges normal --no-dedupe --prefix depth --format ' {p}')
linked=$(awk '$1 == 0 { ours = $2 == "blocking-server"; next } ours { print $2 }' <<<"$tree" | sort -u)

# Otherwise the check would pass for ever once the package has another name.
if ! grep -qx rouille <<<"$linked"; then
  echo 'no-async-runtime: no rouille under blocking-server; is this looking in the right place?' >&2
  exit 1
fi

found=0
for runtime in $runtimes; do
  if grep -qx "$runtime" <<<"$linked"; then
    echo "blocking-server links an async runtime: $runtime" >&2
    cargo tree --workspace --edges normal --invert "$runtime" >&2 || true
    found=1
  fi
done
[ "$found" -eq 0 ] && echo "blocking-server links $(wc -l <<<"$linked") crates, and no async runtime"
