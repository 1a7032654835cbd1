#!/usr/bin/env bash
# usage: scripts/4-flood.sh [MOST]
# Adds clients, one server after the other, until something gives: at most MOST clients (2,048 if you do not
# say), and never more than fit into a quarter of the threads that this system allows.

. "$(dirname "$0")/common.sh"
most=${1:-2048}
whole_number MOST "$most"
both_must_be_up

question 'Each request waits 100 ms, so nobody can do better than clients / 0.1 s. What leaves that line first, and why?'
same_as cargo lab compare scale

# rouille keeps two threads for each request: hence half of a quarter of the smallest limit that is known.
limits=$(cat /proc/sys/kernel/{threads-max,pid_max} /sys/fs/cgroup/pids.max 2>/dev/null || true)
[ -n "$limits" ] || limits=$(sysctl -n kern.num_taskthreads)
room=$(($(sort -n <<<"$limits" | awk '/^[0-9]+$/ && !n++') / 8))
[ "$most" -le "$room" ] || { most=$room && echo "At most $room clients here, to leave threads for others."; }

run cargo build --release --package lab
results=$(mktemp)
trap 'rm -f "$results"' EXIT
result() { tr ',{}' '\n' <"$results" | awk -F'[": ]+' -v key="$1" '$2 == key && !n++ { print int($3) }'; }

flood() { # PORT CLIENTS; sets rps, and the most threads and CPU (% of a core) that a second had
  local before now load
  cargo lab load "http://127.0.0.1:$1/wait/100" --clients "$2" --duration 4s --json "$results" >/dev/null 2>&1 &
  load=$!
  threads=0 cpu=0 before=999999999
  # shellcheck disable=SC2046 # several process ids
  while kill -0 "$load" 2>/dev/null; do
    next_second
    now=$(threads_of $(processes_on "$1"))
    threads=$((now > threads ? now : threads))
    now=$(cpu_ms_of $(processes_on "$1"))
    cpu=$(((now - before) / 10 > cpu ? (now - before) / 10 : cpu)) before=$now
  done
  wait "$load" || true # requests that fail are what we are here for
  rps=$(result throughput_rps)
}

what_gave() { # PORT CLIENTS PROCESSES_BEFORE POOL; prints nothing if nothing gave
  local missing=$(($(result scheduled) - $(result completed)))
  if ! answers "http://127.0.0.1:$1"; then
    echo 'the server: it does not answer any more, and its terminal says why'
  elif [ "$(processes_on "$1")" != "$3" ]; then
    echo 'the server: it ended and was started again, and its terminal says why'
  elif [ "$missing" -gt 0 ]; then
    echo "$missing requests: refused, reset, too late or wrong"
  elif [ "$rps" -ge $(($2 * 8)) ]; then
    return
  elif [ "$rps" -ge $((${4:-99999} * 8)) ]; then
    echo "the pool: $4 threads / 0.1 s = $(($4 * 10)) requests/s"
  elif [ "$cpu" -ge $(($(getconf _NPROCESSORS_ONLN) * 40)) ]; then
    echo "CPU: the server alone took $cpu % of a core"
  else
    echo "neither its pool nor its CPU ($cpu % of a core); is this machine busy with something else?"
  fi
}

for port in 8001 8002; do
  pool=$(servers_on "$port" | sed -n 's/.*--threads[= ]\([0-9]*\).*/\1/p' | sort -u)
  printf '\n%s\n%10s %10s %10s %8s %6s\n' "http://127.0.0.1:$port" clients 'line' requests/s threads 'CPU %'
  for ((clients = 32; clients <= most; clients *= 4)); do
    processes=$(processes_on "$port")
    flood "$port" "$clients"
    printf '%10d %10d %10d %8d %6d\n' "$clients" $((clients * 10)) "${rps:-0}" "$threads" "$cpu"
    gave=$(what_gave "$port" "$clients" "$processes" "$pool")
    [ -z "$gave" ] || break
  done
  echo "What gave: ${gave:-nothing, up to $most clients}"
done
