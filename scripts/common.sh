#!/usr/bin/env bash
# usage: . "$(dirname "$0")/common.sh"
# What the scripts beside it share: help, ports, and how to look at a process. Not to be run by itself.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

blocking=http://127.0.0.1:8001
async=http://127.0.0.1:8002
upstream=http://127.0.0.1:8003
export blocking async upstream

# The comment at the top of a script is its help.
usage() { sed -n '2,/^$/s/^# \{0,1\}//p' "$0"; }
case ${1-} in -h | --help) usage && exit ;; esac

wrong_usage() {
  printf '%s\n\n%s\n' "$1" "$(usage)" >&2
  exit 2
}

whole_number() { # NAME VALUE
  case $2 in '' | *[!0-9]* | ????????*) wrong_usage "$1 should be a whole number, not \"$2\"" ;; esac
}

question() { printf '\n  ?  %s\n' "$1"; }
same_as() { printf '  =  %s\n\n' "$*"; }

# Shows a command as it could be typed, then runs it.
run() {
  printf '$ %s\n' "$*"
  "$@"
}

# Until the clock's next second: what is read after each of these is read a second apart, whatever reading takes.
next_second() {
  local now=$SECONDS
  while [ "$SECONDS" -eq "$now" ]; do sleep 0.05; done
}

answers() { curl --silent --fail --max-time 5 --output /dev/null "$1/hello"; }

both_must_be_up() {
  for url in "$blocking" "$async"; do
    answers "$url" && continue
    echo "$url does not answer; start scripts/1-side-by-side.sh in another terminal first" >&2
    exit 1
  done
}

# Process id and command line of the server on a port, a line each: a supervised one is two processes.
servers_on() { ps -axo pid=,args= | awk -v port="--port[= ]$1( |\$)" '$2 ~ /-server$/ && $0 ~ port'; }
processes_on() { servers_on "$1" | awk '{ print $1 }'; }

# Each of these adds up over the process ids that it is given; ids of ended processes count as nothing.
threads_of() {
  for pid in "$@"; do
    if [ -d /proc/self/task ]; then ls "/proc/$pid/task" 2>/dev/null; else ps -M -p "$pid" | tail -n +2; fi
  done | wc -l | tr -d ' '
}

memory_kb_of() { for pid in "$@"; do ps -o rss= -p "$pid" || true; done | awk '{ kb += $1 } END { print kb + 0 }'; }

# User and system time so far. `ps` counts whole seconds on Linux, which is too coarse for a watch.
cpu_ms_of() {
  for pid in "$@"; do
    if [ -d /proc/self/task ]; then
      awk -v hz="$(getconf CLK_TCK)" '{ print ($14 + $15) * 1000 / hz }' "/proc/$pid/stat" 2>/dev/null || true
    else
      ps -o time= -p "$pid" | awk -F: '{ print ($1 * 60 + $2) * 1000 }'
    fi
  done | awk '{ ms += $1 } END { printf "%d\n", ms }'
}
