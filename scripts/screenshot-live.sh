#!/usr/bin/env bash
# usage: scripts/screenshot-live.sh [FILE.png [WIDTH [light|dark]]]
# Makes the picture of the live page in the README, from a real run: 2,000 clients that wait a second each, for as long
# as it takes to see it. Needs curl, jq and chromium.

set -euo pipefail
. "$(dirname "$0")/common.sh"
file=${1:-benches/live.png}
width=${2:-1280}
theme=${3:-light}
whole_number WIDTH "$width"
case $theme in light) scheme=1 ;; dark) scheme=0 ;; *) wrong_usage "the theme should be light or dark, not \"$theme\"" ;; esac
for tool in curl jq chromium; do
  command -v "$tool" >/dev/null || { echo "this needs $tool, which is not installed" >&2 && exit 1; }
done

said=$(mktemp)
cargo lab live --no-open --port 0 >"$said" &
lab=$!
trap 'kill "$lab" 2>/dev/null; rm -f "$said"' EXIT
until page=$(sed -n 's|^\(http://.*\)/$|\1|p' "$said") && [ -n "$page" ]; do
  kill -0 "$lab" || exit 1
  sleep 0.5
done

say() { curl --silent --show-error --fail --header "Origin: $page" --json "$1" "$page/do"; }
frame() { curl --silent --no-buffer --max-time 3 "$page/events" | sed -n 's/^data: {"t_ms"/{"t_ms"/p' | tail -n 1; }

# Somebody has to watch, or the load ends.
curl --silent --no-buffer "$page/events" --output /dev/null &
until [ "$(frame | jq '[.lanes[].state == "up"] | all')" = true ]; do sleep 0.5; done
say "$(frame | jq --compact-output '{do: "set", settings: (.settings + {clients: 2000, wait_ms: 1000})}')"
say '{"do":"run","on":true}'
sleep 40
flags=(--headless --hide-scrollbars --disable-gpu "--window-size=$width,$((width < 700 ? 3600 : 1500))" --timeout=20000)
flags+=("--blink-settings=preferredColorScheme=$scheme")
[ "$(id -u)" -ne 0 ] || flags+=(--no-sandbox)
# It is taken as soon as the page is loaded. Where that was before the first frame, thousands of cells are missing.
for _ in 1 2 3 4 5 6 7 8; do
  chromium "${flags[@]}" --screenshot="$file" "$page/" 2>/dev/null
  [ "$(wc -c <"$file")" -lt 150000 ] || break
done
echo "$file"
