#!/usr/bin/env bash
# usage: .ci/check-results.sh DIR
# Is DIR what a complete run of `cargo lab` leaves behind, and do its figures make sense?
set -euo pipefail
dir=${1:?"usage: .ci/check-results.sh DIR"}

complaints=$(jq --raw-output '
  def must(what; holds): if holds then empty else what end;
  def each_trial(what; holds):
    .trials[] | must("\(.experiment), \(.rung), block \(.block): " + what; holds);
  def best(experiment; rung; variant):
    [.trials[] | select(.experiment == experiment and .rung == rung and .variant == variant)
      | .throughput_rps // 0] | max;

  must("the schema is parkbench/1"; .schema == "parkbench/1"),
  must("the run is complete"; .complete),
  must("it has the experiments lecture and scale"; [.experiments[].name] | contains(["lecture", "scale"])),
  must("every experiment has trials on a pool, a thread per request and an event loop";
    [.experiments[].name] - (.trials | group_by(.experiment) | map(select(
      [.[].rung] | contains(["pool", "thread-per-request", "event-loop"]))) | map(.[0].experiment)) == []),
  each_trial("scheduled = completed + failed + timed out + unsent";
    .scheduled == .completed + ([.failed[]] | add // 0) + .timed_out + .unsent),
  each_trial("a trial that is ok has answers, a rate, a median and a histogram";
    .outcome != "ok" or (.completed > 0 and .throughput_rps > 0 and .latency_ms.p50 > 0 and .histogram != null)),
  each_trial("a trial that is not ok has a reason"; .outcome == "ok" or .reason != null),
  each_trial("no answer was wrong"; [.failed | .wrong_body, .status | . // 0] | add == 0),
  must("in the lecture, the event loop is at least twice as fast as a pool of 5";
    best("lecture"; "event-loop"; null) >= 2 * best("lecture"; "pool"; "5 threads"))
' "$dir/results.json")
if [ -n "$complaints" ]; then
  printf '%s/results.json does not hold what it should:\n%s\n' "$dir" "$complaints" >&2
  exit 1
fi

trials=$(jq '.trials | length' "$dir/results.json")
rows=$(($(wc -l <"$dir/results.csv") - 1))
[ "$rows" -eq "$trials" ] || { echo "results.csv has $rows rows for $trials trials" >&2; exit 1; }

# The report can be made again from the results alone.
rm "$dir/report.html"
cargo lab report "$dir"
grep -qi '</html>' "$dir/report.html" || { echo "report.html was cut short" >&2; exit 1; }
echo "$trials trials, all of them in order"
