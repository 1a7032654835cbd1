#!/usr/bin/env bash
# usage: scripts/1-side-by-side.sh [THREADS]
# Starts the slow services and both servers, until Ctrl-C. The blocking server answers from a pool of
# THREADS threads, 5 if you do not say; with 0 it makes a thread for each request, however many come.

. "$(dirname "$0")/common.sh"
threads=${1:-5}
whole_number THREADS "$threads"
model=pool flags=("--threads=$threads")
[ "$threads" -gt 0 ] || model=thread-per-request flags=()

question 'Two servers with the same application. As their only user, can you tell which one is async?'
same_as cargo lab serve $model event-loop ${flags[@]+"${flags[@]}"}

run cargo build --release --package upstream --package blocking-server --package async-server --package loadgen
programs=${CARGO_TARGET_DIR:-target}/release

started=()
trap 'kill ${started[@]+"${started[@]}"} 2>/dev/null || true; wait' EXIT
start() { # URL PROGRAM FLAG…
  local url=$1
  shift
  if curl --silent --output /dev/null "$url"; then
    echo "$url answers already; end that server first" >&2
    exit 1
  fi
  "$programs/$1" --port="${url##*:}" "${@:2}" &
  started+=($!)
  until curl --silent --output /dev/null "$url"; do
    kill -0 $! 2>/dev/null || exit 1 # it has said why
    sleep 0.1
  done
}
start "$upstream" upstream
start "$blocking" blocking-server --model=$model ${flags[@]+"${flags[@]}"}
start "$async" async-server

cat <<END

Both are up. Try each of these with both ports, 8001 (blocking) and 8002 (async), from another terminal:
  curl -i $blocking/hello
  curl -i $async/api/sun/97201/us
  curl -N $blocking/stream/5/500
Ctrl-C ends all three.
END
wait
