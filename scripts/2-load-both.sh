#!/usr/bin/env bash
# usage: scripts/2-load-both.sh [CLIENTS]
# Loads both servers at the same time, for ten seconds, with CLIENTS clients each (20 if you do not say).
# Each client asks for the times of the sun, and asks again as soon as it has the answer.

. "$(dirname "$0")/common.sh"
clients=${1:-20}
whole_number CLIENTS "$clients"
both_must_be_up

question "$clients clients, each answer waits about 0.945 s for other services: how many requests/s on each side?"
same_as 'the line below: this script only saves typing'

route=/api/sun/97201/us
run cargo lab load "$blocking$route" "$async$route" --clients "$clients" --duration 10s
