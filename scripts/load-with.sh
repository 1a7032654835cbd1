#!/usr/bin/env bash
# usage: scripts/load-with.sh wrk|oha [CLIENTS]
# The same load as 2-load-both.sh, made by a tool that is not ours: wrk or oha, which you install yourself.

. "$(dirname "$0")/common.sh"
tool=${1-}
clients=${2:-20}
whole_number CLIENTS "$clients"
case $tool in
  # wrk gives up after 2 s unless told otherwise, and then calls slow answers errors.
  wrk) load=(wrk --threads 1 --connections "$clients" --duration 10s --timeout 30s --latency) ;;
  oha) load=(oha --no-tui -c "$clients" -z 10s) ;;
  *) wrong_usage 'say which tool: wrk or oha' ;;
esac
if ! command -v "$tool" >/dev/null; then
  echo "$tool is not installed. wrk: apt install wrk, or brew install wrk. oha: cargo install oha." >&2
  exit 1
fi
both_must_be_up

question 'Do two load generators that share no code tell the same story?'
same_as cargo lab load "$blocking/api/sun/97201/us" "$async/api/sun/97201/us" --clients "$clients" --duration 10s

# At the same time, but not mixed up: one to a file, the other to the terminal.
other=$(mktemp)
trap 'rm -f "$other"' EXIT
"${load[@]}" "$async/api/sun/97201/us" >"$other" 2>&1 &
run "${load[@]}" "$blocking/api/sun/97201/us"
wait $!
printf '\n$ %s\n' "${load[*]} $async/api/sun/97201/us"
cat "$other"
