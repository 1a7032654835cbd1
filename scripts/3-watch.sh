#!/usr/bin/env bash
# usage: scripts/3-watch.sh [SECONDS]
# Shows threads, memory and CPU of both servers once a second, for SECONDS or until Ctrl-C. 100 % of CPU is
# one core. Leave it open while you load the servers.

. "$(dirname "$0")/common.sh"
seconds=${1:-999999}
whole_number SECONDS "$seconds"
both_must_be_up

question 'When 1,000 requests wait at the same time, how many threads does each server need for it?'
same_as cargo lab compare scale

# Sets `row` to threads, MB and CPU % on a port; `cpu_ms` is what that server had used when this began.
look() { # PORT CPU_MS_BEFORE
  local pids
  pids=$(processes_on "$1")
  # shellcheck disable=SC2086 # several ids
  cpu_ms=$(cpu_ms_of $pids)
  # A server that was started again has used less than its predecessor had.
  local used=$((cpu_ms > $2 ? cpu_ms - $2 : 0))
  # shellcheck disable=SC2086
  row=$(printf '%8d %8d %6d' "$(threads_of $pids)" $(($(memory_kb_of $pids) / 1024)) $((used / 10)))
}

printf '        %-26s  %s\n' 'blocking-server (8001)' 'async-server (8002)'
printf '        %8s %8s %6s    %8s %8s %6s\n' threads MB 'CPU %' threads MB 'CPU %'
next_second
look 8001 0 && blocking_ms=$cpu_ms
look 8002 0 && async_ms=$cpu_ms
for ((second = 1; second <= seconds; second++)); do
  next_second
  look 8001 "$blocking_ms" && blocking_ms=$cpu_ms left=$row
  look 8002 "$async_ms" && async_ms=$cpu_ms
  printf '%5d s %s    %s\n' "$second" "$left" "$row"
done
