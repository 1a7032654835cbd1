#!/usr/bin/env bash
# usage: scripts/screenshots.sh [DIR [OUT]]
# Makes both pictures of the README from real runs: the first screen of the report of the run in DIR (target/lab/latest,
# measured now by `cargo lab` where there is none), and the live page with 2,000 clients that wait a second each. Writes
# report.png and live.png, each below 300 kB, to OUT (benches). Needs chromium, which is driven as the browser tests do it.
set -euo pipefail
. "$(dirname "$0")/common.sh"
dir=${1:-target/lab/latest}
out=${2:-benches}
command -v chromium >/dev/null || { echo 'this needs chromium, which is not installed' >&2 && exit 1; }

if [ -f "$dir/results.json" ]; then
  cargo lab report "$dir" >/dev/null
else
  cargo lab --out "$dir"
fi
mkdir -p "$out"
PARKBENCH_PICTURES_OF=$(cd "$dir" && pwd) PARKBENCH_PICTURES_TO=$(cd "$out" && pwd) \
  cargo test --quiet --release --package lab --test browser -- --ignored --exact pictures::of_both_first_screens
ls -l "$out/report.png" "$out/live.png"
