//! `results.csv`: a row per trial, for a spreadsheet or a data frame. Units are in the column names, and a
//! value that is not known is an empty field.

use std::io::Write;

use crate::report::{Report, Writer};
use crate::results::{Mode, Percentiles, Trial, TrialOutcome};

/// The columns, in order.
pub(crate) const COLUMNS: &[Column] = &[
    Column("experiment", |t| t.experiment.clone()),
    Column("rung", |t| t.rung.clone()),
    Column("variant", |t| t.variant.clone().unwrap_or_default()),
    Column("flags", |t| t.flags.join(" ")),
    Column("block", |t| t.block.to_string()),
    Column("order", |t| t.order.to_string()),
    Column("outcome", |t| outcome(t.outcome).into()),
    Column("reason", |t| t.reason.clone().unwrap_or_default()),
    Column("mode", |t| if t.load.mode == Mode::Closed { "closed" } else { "open" }.into()),
    Column("clients", |t| t.load.clients.to_string()),
    Column("rate_rps", |t| number(t.load.rate_rps)),
    Column("route", |t| t.load.route.clone()),
    Column("window_start_ms", |t| t.window.start_ms.to_string()),
    Column("window_length_ms", |t| number(Some(t.window.length_ms))),
    Column("throughput_rps", |t| number(t.throughput_rps)),
    Column("response_p50_ms", |t| number(t.latency_ms.p50)),
    Column("response_p90_ms", |t| number(t.latency_ms.p90)),
    Column("response_p99_ms", |t| number(t.latency_ms.p99)),
    Column("response_p999_ms", |t| number(t.latency_ms.p999)),
    Column("response_max_ms", |t| number(t.latency_ms.max)),
    Column("response_mean_ms", |t| number(t.latency_ms.mean)),
    Column("sent_to_answer_p50_ms", |t| number(sent(t).p50)),
    Column("sent_to_answer_p90_ms", |t| number(sent(t).p90)),
    Column("sent_to_answer_p99_ms", |t| number(sent(t).p99)),
    Column("sent_to_answer_p999_ms", |t| number(sent(t).p999)),
    Column("sent_to_answer_max_ms", |t| number(sent(t).max)),
    Column("sent_to_answer_mean_ms", |t| number(sent(t).mean)),
    Column("scheduled", |t| t.scheduled.to_string()),
    Column("completed", |t| t.completed.to_string()),
    Column("failed", |t| t.failed.values().fold(0_u64, |sum, n| sum.saturating_add(*n)).to_string()),
    Column("timed_out", |t| t.timed_out.to_string()),
    Column("unsent", |t| t.unsent.to_string()),
    Column("server_cpu_s", |t| number(t.server.cpu_s)),
    Column("server_cpu_us_per_request", |t| number(t.server.cpu_us_per_request)),
    Column("server_rss_idle_bytes", |t| integer(t.server.rss_idle_bytes)),
    Column("server_rss_peak_bytes", |t| integer(t.server.rss_peak_bytes)),
    Column("server_threads_idle", |t| integer(t.server.threads_idle)),
    Column("server_threads_peak", |t| integer(t.server.threads_peak)),
    Column("server_kernel_stack_bytes", |t| integer(t.server.kernel_stack_bytes)),
    Column("server_page_table_idle_bytes", |t| integer(t.server.page_table_idle_bytes)),
    Column("server_page_table_bytes", |t| integer(t.server.page_table_bytes)),
    Column("server_memory_per_connection_bytes", |t| number(t.server.memory_per_connection_bytes)),
    Column("server_ctx_switches_voluntary", |t| integer(t.server.ctx_switches_voluntary)),
    Column("server_ctx_switches_involuntary", |t| integer(t.server.ctx_switches_involuntary)),
    Column("listen_overflows", |t| integer(t.server.listen_overflows)),
    Column("server_exit", |t| t.server.exit.clone().unwrap_or_default()),
    Column("client_cpu_s", |t| number(t.client.cpu_s)),
    Column("client_core_busy", |t| number(t.client.core_busy)),
    Column("client_lag_p99_ms", |t| number(t.client.lag_ms_p99)),
    Column("connections_wanted", |t| integer(t.client.connections_wanted.map(u64::from))),
    Column("connections_up", |t| integer(t.client.connections_up.map(u64::from))),
    Column("warnings", |t| t.warnings.join("; ")),
];

/// A header and how its field is made.
pub(crate) struct Column(pub(crate) &'static str, fn(&Trial) -> String);

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
            rows.write_record(COLUMNS.iter().map(|column| (column.1)(trial)))?;
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
