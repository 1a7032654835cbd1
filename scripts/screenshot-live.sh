#!/usr/bin/env bash
# usage: scripts/screenshot-live.sh [FILE.png]
# Makes the picture of the live page in the README, from a real run: 1,500 clients that wait 100 ms each, for as long as
# it takes to see it. Needs curl, jq and chromium; takes port 8010.

set -euo pipefail
. "$(dirname "$0")/common.sh"
file=${1:-benches/live.png}
page=http://127.0.0.1:8010
for tool in curl jq chromium; do
  command -v "$tool" >/dev/null || { echo "this needs $tool, which is not installed" >&2 && exit 1; }
done

cargo lab live --no-open --port 8010 &
lab=$!
trap 'kill "$lab"' EXIT
until curl --silent --fail --output /dev/null "$page/"; do
  kill -0 "$lab" || exit 1
  sleep 0.5
done

say() { curl --silent --show-error --fail --header "Origin: $page" --json "$1" "$page/do"; }
frame() { curl --silent --no-buffer --max-time 3 "$page/events" | sed -n 's/^data: {"t_ms"/{"t_ms"/p' | tail -n 1; }

# Somebody has to watch, or the load ends.
curl --silent --no-buffer "$page/events" --output /dev/null &
until [ "$(frame | jq '[.lanes[].state == "up"] | all')" = true ]; do sleep 0.5; done
say "$(frame | jq --compact-output '{do: "set", settings: (.settings + {clients: 1500})}')"
say '{"do":"run","on":true}'
sleep 40
flags=(--headless --hide-scrollbars --disable-gpu '--window-size=1280,1330' --timeout=5000)
[ "$(id -u)" -ne 0 ] || flags+=(--no-sandbox)
chromium "${flags[@]}" --screenshot="$file" "$page/" 2>/dev/null
echo "$file"
