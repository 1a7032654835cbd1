//! What whoever waits can see: a bar in a terminal, a line for each trial anywhere else.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::cell;
use crate::results::{Trial, TrialOutcome};

/// Progress of a run, measured in planned time.
pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar of this planned length.
    pub(crate) fn new(planned: Duration) -> Self {
        let bar = ProgressBar::new(planned.as_millis() as u64);
        let style = ProgressStyle::with_template("{bar:30} {elapsed} of about {msg}\n  {prefix}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_message(format!("{} s", planned.as_secs()));
        bar.enable_steady_tick(Duration::from_millis(250));
        Self { bar }
    }

    /// What happens at this moment.
    pub(crate) fn now(&self, what: &str) {
        self.bar.set_prefix(what.to_owned());
    }

    /// A step is over.
    pub(crate) fn done(&self, planned: Duration, trials: &[Trial]) {
        self.bar.inc(planned.as_millis() as u64);
        for trial in trials {
            self.line(&summary(trial));
        }
    }

    /// Something to keep on the screen.
    pub(crate) fn line(&self, text: &str) {
        if self.bar.is_hidden() {
            eprintln!("{text}");
        } else {
            self.bar.println(text);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// One trial in one line.
fn summary(trial: &Trial) -> String {
    let Trial { experiment, rung, variant, .. } = trial;
    let variant = variant.as_ref().map(|variant| format!(" ({variant})")).unwrap_or_default();
    let load = cell::in_words(&trial.load);
    let number = |value: Option<f64>, unit: &str| {
        value.map_or_else(|| "-".into(), |value| format!("{value:.1}{unit}"))
    };
    let rps = number(trial.throughput_rps, "/s");
    let p50 = number(trial.latency_ms.p50, " ms");
    let end = match (trial.outcome, &trial.reason) {
        (TrialOutcome::Ok, _) => String::new(),
        (outcome, reason) => {
            let reason = reason.as_deref().unwrap_or("no reason given");
            format!("  {}: {reason}", if outcome == TrialOutcome::Void { "void" } else { "collapsed" })
        }
    };
    let block = trial.block + 1;
    format!(
        "{experiment} block {block}: {:<28} {load:>14} {rps:>11}  p50 {p50:>9}{end}",
        format!("{rung}{variant}")
    )
}
