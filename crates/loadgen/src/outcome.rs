//! From counts to an [`Outcome`], with the books checked first.

use crate::crew::Counted;
use crate::error::Error;
use crate::protocol::Outcome;
use crate::recorder::Window;

/// What the whole generator spent, whichever load it was for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spent {
    /// CPU time of the process over the window.
    pub(crate) cpu_ns: u64,
    /// Share of a core that the busiest worker used; `None` when none saw both edges of the window.
    pub(crate) busiest_worker: Option<f64>,
}

/// # Errors
/// When a request is missing from the count.
pub(crate) fn compile(window: Window, counted: &Counted, spent: Spent) -> Result<Outcome, Error> {
    let Counted { plan, total, .. } = counted;
    let measured = &total.measured;
    // Two ways to the same number: who put requests in, and what came out.
    let resolved = measured.resolved();
    let (Some(in_flight_at_end), true) = (counted.in_flight_at_end, counted.scheduled == resolved) else {
        return Err(Error::Books { scheduled: counted.scheduled, resolved });
    };
    let window_s = (window.end_ns - window.start_ns) as f64 / 1e9;
    let cpu_s = spent.cpu_ns as f64 / 1e9;
    let response_time = measured.response_time.encode();
    Ok(Outcome {
        bystander: None,
        window_ms: window_s * 1e3,
        scheduled: resolved,
        completed: measured.completed,
        failed: measured.failed.clone(),
        timed_out: measured.timed_out,
        unsent: measured.unsent,
        throughput_rps: measured.right_in_window as f64 / window_s,
        sent_to_answer: if plan.is_closed_loop() {
            response_time.clone()
        } else {
            measured.sent_to_answer.encode()
        },
        response_time,
        schedule_lag: counted.schedule_lag.encode(),
        series: total.series(),
        connections_wanted: plan.connections,
        connections_up: counted.connections_up,
        in_flight_at_end,
        cpu_s,
        core_busy: core_busy(plan.cores, cpu_s / window_s, spent.busiest_worker),
        cores: plan.cores,
        first_wrong: total.first_wrong(),
        parts: total.parts().map(Box::new),
        recording: counted.recording.clone().map(Box::new),
        in_flight: None,
        slow: counted.slow,
    })
}

/// The fullest core's share, as far as it can be known. On one core all threads share it, so the whole
/// process counts; on several the busiest worker does, and never less than the average.
fn core_busy(cores: u32, process: f64, busiest_worker: Option<f64>) -> f64 {
    let average = process / f64::from(cores);
    let busiest = if cores == 1 { average } else { busiest_worker.unwrap_or(average).max(average) };
    busiest.clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_core_is_the_whole_process_where_there_is_one() {
        assert_eq!(core_busy(1, 0.9, Some(0.5)), 0.9);
        assert_eq!(core_busy(2, 0.9, Some(0.5)), 0.5);
        assert_eq!(core_busy(2, 1.6, Some(0.5)), 0.8);
        assert_eq!(core_busy(2, 1.6, None), 0.8);
        assert_eq!(core_busy(1, 1.01, None), 1.0);
    }
}
