//! What whoever waits can see: a bar in a terminal, a line for each trial anywhere else.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::cell;
use crate::cli::in_words;
use crate::results::{Trial, TrialOutcome};

/// Progress of a run, measured in planned time.
pub(crate) struct Progress {
    bar: ProgressBar,
    started: Instant,
    planned: Duration,
    /// Planned time of what is over.
    over: Mutex<Duration>,
}

impl Progress {
    /// A bar of this planned length.
    pub(crate) fn new(planned: Duration) -> Self {
        let bar = ProgressBar::new(planned.as_millis() as u64);
        let style = ProgressStyle::with_template("{bar:30} {elapsed}, {msg}\n  {prefix}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_message(format!("about {} left", in_words(planned)));
        bar.enable_steady_tick(Duration::from_millis(250));
        Self { bar, started: Instant::now(), planned, over: Mutex::default() }
    }

    /// What happens at this moment.
    pub(crate) fn now(&self, what: &str) {
        self.bar.set_prefix(what.to_owned());
    }

    /// A step is over.
    pub(crate) fn done(&self, planned: Duration, trials: &[Trial]) {
        self.bar.inc(planned.as_millis() as u64);
        let over = {
            let mut over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
            *over += planned;
            *over
        };
        let left = format!("about {} left", in_words(left(self.planned, over, self.started.elapsed())));
        for trial in trials {
            self.line(&format!("{}  [{left}]", summary(trial)));
        }
        self.bar.set_message(left);
    }

    /// Something to keep on the screen.
    pub(crate) fn line(&self, text: &str) {
        if self.bar.is_hidden() {
            crate::cli::tell(text);
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

/// The planned time that is left, as much slower as all so far was than planned.
fn left(planned: Duration, over: Duration, elapsed: Duration) -> Duration {
    let slowness = elapsed.as_secs_f64() / over.as_secs_f64().max(1e-3);
    planned.saturating_sub(over).mul_f64(slowness.clamp(0.5, 10.0))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_as_much_slower_than_planned_as_what_was() {
        let left = |planned, over, elapsed| {
            let seconds = Duration::from_secs;
            left(seconds(planned), seconds(over), seconds(elapsed)).as_secs()
        };
        assert_eq!(left(100, 40, 40), 60);
        assert_eq!(left(100, 40, 80), 120);
        assert_eq!(left(100, 120, 90), 0, "longer than planned");
        assert_eq!(left(100, 0, 0), 50, "nothing is known yet");
    }
}
