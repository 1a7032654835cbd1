//! `results.csv`: a row per trial, for a spreadsheet or a data frame. Units are in the column names, and a
//! value that is not known is an empty field.

use std::io::Write;

use loadgen::protocol::{Part, Parts};

use crate::report::tables::Table;
use crate::report::{Report, Writer};
use crate::results::{Bystander, Mode, Percentiles, Trial, TrialOutcome};

/// The columns, in order.
pub(crate) const COLUMNS: &[Column] = &[
    Column("experiment", "name of the experiment", |t| t.experiment.clone()),
    Column("rung", "name on the ladder", |t| t.rung.clone()),
    Column("variant", "tells uses of one rung with other flags apart", |t| {
        t.variant.clone().unwrap_or_default()
    }),
    Column("flags", "flags of the server process", |t| t.flags.join(" ")),
    Column("block", "0-based; a block has one trial of each cell", |t| t.block.to_string()),
    Column("order", "place of the trial in its block, 0-based", |t| t.order.to_string()),
    Column("outcome", "ok, collapsed (the server died or stopped listening) or void (not to be used)", |t| {
        outcome(t.outcome).into()
    }),
    Column("reason", "why it collapsed or is void", |t| t.reason.clone().unwrap_or_default()),
    Column("mode", "closed, open or subscribers", |t| mode(t.load.mode).into()),
    Column("clients", "closed loop: clients; open loop: connections at most; else subscribers", |t| {
        t.load.clients.to_string()
    }),
    Column("rate_rps", "requests due per second, open loop only", |t| number(t.load.rate_rps)),
    Column("route", "request target of the load", |t| t.load.route.clone()),
    Column("keep_alive", "false when every request opens a connection of its own", |t| {
        t.load.keep_alive.to_string()
    }),
    Column("window_start_ms", "start of the measured window, from the start of the run", |t| {
        t.window.start_ms.to_string()
    }),
    Column("window_length_ms", "its length", |t| number(Some(t.window.length_ms))),
    Column("throughput_rps", "right answers per second; of subscribers: ticks", |t| number(t.throughput_rps)),
    Column("response_p50_ms", "response time, from due to answered, median; of ticks: lateness", |t| {
        number(t.latency_ms.p50)
    }),
    Column("response_p90_ms", "response time, 90th percentile", |t| number(t.latency_ms.p90)),
    Column("response_p99_ms", "response time, 99th percentile, from 1,000 on", |t| number(t.latency_ms.p99)),
    Column("response_p999_ms", "response time, 99.9th percentile, from 10,000 on", |t| {
        number(t.latency_ms.p999)
    }),
    Column("response_max_ms", "response time, longest", |t| number(t.latency_ms.max)),
    Column("response_mean_ms", "response time, mean", |t| number(t.latency_ms.mean)),
    Column("sent_to_answer_p50_ms", "from sent to answered, median", |t| number(sent(t).p50)),
    Column("sent_to_answer_p90_ms", "from sent to answered, 90th percentile", |t| number(sent(t).p90)),
    Column("sent_to_answer_p99_ms", "from sent to answered, 99th percentile, from 1,000 on", |t| {
        number(sent(t).p99)
    }),
    Column("sent_to_answer_p999_ms", "from sent to answered, 99.9th percentile, from 10,000 on", |t| {
        number(sent(t).p999)
    }),
    Column("sent_to_answer_max_ms", "from sent to answered, longest", |t| number(sent(t).max)),
    Column("sent_to_answer_mean_ms", "from sent to answered, mean", |t| number(sent(t).mean)),
    Column("waiting_mean_ms", "of a response: waiting for a connection, mean; open loop only", |t| {
        number(part(t, |parts| Some(&parts.waiting)).map(|part| part.mean_ms))
    }),
    Column("waiting_p99_ms", "the same, 99th percentile, from 1,000 on", |t| {
        number(part(t, |parts| Some(&parts.waiting)).and_then(|part| part.p99_ms))
    }),
    Column("connect_mean_ms", "of a response: opening a connection, mean; open loop only", |t| {
        number(part(t, |parts| Some(&parts.connect)).map(|part| part.mean_ms))
    }),
    Column("connect_p99_ms", "the same, 99th percentile, from 1,000 on", |t| {
        number(part(t, |parts| Some(&parts.connect)).and_then(|part| part.p99_ms))
    }),
    Column(
        "queue_mean_ms",
        "of a response: from sending to the view, as the server tells, mean; open loop only",
        |t| number(part(t, |parts| parts.queue.as_ref()).map(|part| part.mean_ms)),
    ),
    Column("queue_p99_ms", "the same, 99th percentile, from 1,000 on", |t| {
        number(part(t, |parts| parts.queue.as_ref()).and_then(|part| part.p99_ms))
    }),
    Column(
        "view_mean_ms",
        "of a response: in the view, upstream apart, as the server tells, mean; open loop only",
        |t| number(part(t, |parts| parts.view.as_ref()).map(|part| part.mean_ms)),
    ),
    Column("view_p99_ms", "the same, 99th percentile, from 1,000 on", |t| {
        number(part(t, |parts| parts.view.as_ref()).and_then(|part| part.p99_ms))
    }),
    Column(
        "upstream_mean_ms",
        "of a response: the view waits for a service, as the server tells, mean; open loop only",
        |t| number(part(t, |parts| parts.upstream.as_ref()).map(|part| part.mean_ms)),
    ),
    Column("upstream_p99_ms", "the same, 99th percentile, from 1,000 on", |t| {
        number(part(t, |parts| parts.upstream.as_ref()).and_then(|part| part.p99_ms))
    }),
    Column(
        "rest_mean_ms",
        "of a response: network, generator, and what the server did not tell, mean; open loop only",
        |t| number(part(t, |parts| Some(&parts.rest)).map(|part| part.mean_ms)),
    ),
    Column("rest_p99_ms", "the same, 99th percentile, from 1,000 on", |t| {
        number(part(t, |parts| Some(&parts.rest)).and_then(|part| part.p99_ms))
    }),
    Column("scheduled", "completed + failed + timed_out + unsent", |t| t.scheduled.to_string()),
    Column("completed", "right answers", |t| t.completed.to_string()),
    Column("failed", "wrong or broken off", |t| {
        t.failed.values().fold(0_u64, |sum, n| sum.saturating_add(*n)).to_string()
    }),
    Column("timed_out", "without an answer in the client's time", |t| t.timed_out.to_string()),
    Column("unsent", "never sent", |t| t.unsent.to_string()),
    Column("bystander_route", "what cheap requests asked for meanwhile; empty where there were none", |t| {
        beside(t).map(|b| b.route.clone()).unwrap_or_default()
    }),
    Column("bystander_rate_rps", "how many of them were due per second", |t| {
        number(beside(t).map(|b| b.rate_rps))
    }),
    Column("bystander_p50_ms", "response time of the bystander, median", |t| {
        number(beside(t).and_then(|b| b.latency_ms.p50))
    }),
    Column("bystander_p90_ms", "response time of the bystander, 90th percentile", |t| {
        number(beside(t).and_then(|b| b.latency_ms.p90))
    }),
    Column("bystander_p99_ms", "response time of the bystander, 99th percentile, from 1,000 on", |t| {
        number(beside(t).and_then(|b| b.latency_ms.p99))
    }),
    Column("bystander_p999_ms", "response time of the bystander, 99.9th percentile, from 10,000 on", |t| {
        number(beside(t).and_then(|b| b.latency_ms.p999))
    }),
    Column("bystander_max_ms", "response time of the bystander, longest", |t| {
        number(beside(t).and_then(|b| b.latency_ms.max))
    }),
    Column("bystander_mean_ms", "response time of the bystander, mean", |t| {
        number(beside(t).and_then(|b| b.latency_ms.mean))
    }),
    Column("bystander_scheduled", "bystander's requests due", |t| integer(beside(t).map(|b| b.scheduled))),
    Column("bystander_completed", "of these, answered rightly", |t| integer(beside(t).map(|b| b.completed))),
    Column("server_cpu_s", "CPU time of the server in the window", |t| number(t.server.cpu_s)),
    Column("server_cpu_user_s", "of that, in its own code", |t| number(t.server.cpu_user_s)),
    Column("server_cpu_system_s", "of that, in the kernel for it", |t| number(t.server.cpu_system_s)),
    Column("server_others_cpu_s", "CPU time of others on its CPUs in the window", |t| {
        number(t.server.others_cpu_s)
    }),
    Column("server_life_cpu_s", "CPU time of its whole life", |t| number(t.server.life_cpu_s)),
    Column("server_cpu_us_per_request", "the same over completed requests", |t| {
        number(t.server.cpu_us_per_request)
    }),
    Column("server_rss_idle_bytes", "resident memory before the first request", |t| {
        integer(t.server.rss_idle_bytes)
    }),
    Column("server_rss_peak_bytes", "most resident memory seen", |t| integer(t.server.rss_peak_bytes)),
    Column("server_threads_idle", "threads before the first request", |t| integer(t.server.threads_idle)),
    Column("server_threads_peak", "most threads seen", |t| integer(t.server.threads_peak)),
    Column("server_kernel_stack_bytes", "kernel stacks at the peak", |t| {
        integer(t.server.kernel_stack_bytes)
    }),
    Column("server_page_table_idle_bytes", "page tables before the first request", |t| {
        integer(t.server.page_table_idle_bytes)
    }),
    Column("server_page_table_bytes", "page tables at the peak", |t| integer(t.server.page_table_bytes)),
    Column(
        "server_memory_per_connection_bytes",
        "(resident memory, page tables and kernel stacks at the peak, less idle) over open connections",
        |t| number(t.server.memory_per_connection_bytes),
    ),
    Column("server_ctx_switches_voluntary", "waits that gave the CPU up, whole life", |t| {
        integer(t.server.ctx_switches_voluntary)
    }),
    Column("server_ctx_switches_involuntary", "time slices that ran out, whole life", |t| {
        integer(t.server.ctx_switches_involuntary)
    }),
    Column("listen_overflows", "connections dropped since the listen queue was full, whole machine", |t| {
        integer(t.server.listen_overflows)
    }),
    Column("threads_refused", "threads that the system refused the server (EAGAIN)", |t| {
        integer(t.server.threads_refused)
    }),
    Column("files_refused", "files or connections that it refused (EMFILE, ENFILE)", |t| {
        integer(t.server.files_refused)
    }),
    Column("memory_refused", "memory that it refused (ENOMEM)", |t| integer(t.server.memory_refused)),
    Column("server_exit", "how the process ended", |t| t.server.exit.clone().unwrap_or_default()),
    Column("client_cpu_s", "CPU time of the generator in the window", |t| number(t.client.cpu_s)),
    Column("client_core_busy", "share of its busiest core, 0 to 1", |t| number(t.client.core_busy)),
    Column("client_lag_p99_ms", "wake-up minus due, 99th percentile, open loop", |t| {
        number(t.client.lag_ms_p99)
    }),
    Column("connections_wanted", "connections asked for", |t| {
        integer(t.client.connections_wanted.map(u64::from))
    }),
    Column("connections_up", "connections up when the window opened", |t| {
        integer(t.client.connections_up.map(u64::from))
    }),
    Column("warnings", "what to know before believing the row", |t| t.warnings.join("; ")),
];

/// A header, what the field is, and how it is made.
pub(crate) struct Column(&'static str, &'static str, fn(&Trial) -> String);

/// What each column is, for the page.
pub(crate) fn documented() -> Table {
    Table {
        caption: "One row for each trial; an empty field is not known. Units end the names: _s, _ms, _us, _bytes, _rps (per second)".into(),
        headers: ["column", "what it is"].map(String::from).into(),
        rows: COLUMNS.iter().map(|column| vec![column.0.into(), column.1.into()]).collect(),
        numbers_from: 2,
    }
}

/// Writes `results.csv`.
pub(crate) struct Csv;

impl Writer for Csv {
    fn file_name(&self) -> &'static str {
        "results.csv"
    }

    fn write(&self, report: &Report<'_>, out: &mut dyn Write) -> anyhow::Result<()> {
        let mut rows = ::csv::Writer::from_writer(out);
        rows.write_record(COLUMNS.iter().map(|column| column.0))?;
        for trial in &report.results.trials {
            rows.write_record(COLUMNS.iter().map(|column| (column.2)(trial)))?;
        }
        Ok(rows.flush()?)
    }
}

/// As results name it.
pub(crate) fn outcome(outcome: TrialOutcome) -> &'static str {
    match outcome {
        TrialOutcome::Ok => "ok",
        TrialOutcome::Collapsed => "collapsed",
        TrialOutcome::Void => "void",
    }
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Closed => "closed",
        Mode::Open => "open",
        Mode::Subscribers => "subscribers",
        Mode::Slow => "slow",
    }
}

fn part(trial: &Trial, of: fn(&Parts) -> Option<&Part>) -> Option<&Part> {
    of(trial.parts.as_deref()?)
}

fn beside(trial: &Trial) -> Option<&Bystander> {
    trial.bystander.as_ref()
}

fn sent(trial: &Trial) -> &Percentiles {
    &trial.sent_to_answer_ms
}

/// Empty where it is not known; a number that is none is not known.
fn number(value: Option<f64>) -> String {
    value.filter(|value| value.is_finite()).map(|value| value.to_string()).unwrap_or_default()
}

fn integer(value: Option<u64>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}
