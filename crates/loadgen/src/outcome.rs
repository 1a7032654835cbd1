//! From counts to an [`Outcome`], with the books checked first.

use std::sync::atomic::Ordering;

use crate::crew::Counted;
use crate::error::Error;
use crate::plan::Plan;
use crate::protocol::Outcome;
use crate::recorder::Window;

/// What is measured outside the workers.
pub(crate) struct Spent {
    /// CPU time of the process over the window.
    pub(crate) cpu_ns: u64,
    /// Connections that were up when the window was fixed.
    pub(crate) connections_up: u32,
}

/// # Errors
/// When a request is missing from the count.
pub(crate) fn compile(
    plan: &Plan,
    window: Window,
    counted: &Counted,
    spent: &Spent,
) -> Result<Outcome, Error> {
    let Counted { total, paced, schedule_lag, busiest_worker } = counted;
    let measured = &total.measured;
    let ended_by_close = total.ended_by_close();
    // Two ways to the same number: who put requests in, and what came out.
    let (scheduled, in_flight_at_end) = if plan.is_open_loop() {
        let due_by_close = paced.due_by_close.load(Ordering::Relaxed);
        (paced.scheduled.load(Ordering::Relaxed), due_by_close.checked_sub(ended_by_close))
    } else {
        let in_flight = total.started_by_close().checked_sub(ended_by_close);
        (ended_by_close - total.ended_by_opening(), in_flight)
    };
    let resolved = measured.resolved();
    let (Some(in_flight_at_end), true) = (in_flight_at_end, scheduled == resolved) else {
        return Err(Error::Books { scheduled, resolved });
    };
    let window_s = (window.end_ns - window.start_ns) as f64 / 1e9;
    let cpu_s = spent.cpu_ns as f64 / 1e9;
    let response_time = measured.response_time.encode();
    Ok(Outcome {
        bystander: None,
        window_ms: window_s * 1e3,
        scheduled,
        completed: measured.completed,
        failed: measured.failed.clone(),
        timed_out: measured.timed_out,
        unsent: measured.unsent,
        throughput_rps: measured.right_in_window as f64 / window_s,
        sent_to_answer: if plan.is_open_loop() {
            measured.sent_to_answer.encode()
        } else {
            response_time.clone()
        },
        response_time,
        schedule_lag: schedule_lag.encode(),
        series: total.series(),
        connections_wanted: plan.connections,
        connections_up: spent.connections_up,
        in_flight_at_end,
        cpu_s,
        core_busy: core_busy(plan.cores, cpu_s / window_s, *busiest_worker),
        cores: plan.cores,
        first_wrong: total.first_wrong(),
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
