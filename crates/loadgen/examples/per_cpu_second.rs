//! How many requests the generator makes per second of its own CPU time: its one figure of merit.
//!
//! Usage: `per_cpu_second URL [CLIENTS | RATErps] [close]`. CPU time is less sensitive to a busy machine
//! than requests per second, but not insensitive: repeat it, and pin both sides.

use loadgen::protocol::{Arrivals, Event, Load, Shape, Spec};
use loadgen::{Error, Histogram};

fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().unwrap_or_else(|| "http://127.0.0.1:8099/hello".into());
    let load = arguments.next().unwrap_or_else(|| "64".into());
    let load = match load.strip_suffix("rps").and_then(|rate| rate.parse().ok()) {
        Some(rate_rps) => {
            Load::Open { rate_rps, arrivals: Arrivals::Poisson, shape: Shape::Steady, connections: 256 }
        }
        None => Load::Closed { clients: load.parse().unwrap_or(64) },
    };
    let keep_alive = arguments.next().as_deref() != Some("close");
    let spec = Spec {
        url,
        method: "GET".into(),
        body: None,
        load,
        mix: Vec::new(),
        keep_alive,
        timeout_ms: 5_000,
        warm_up_ms: 1_000,
        window_ms: 4_000,
        series_interval_ms: 1_000,
        expect: Default::default(),
        seed: 1,
        bystander: None,
        allow_remote: None,
        timing: false,
        record: false,
    };
    let outcome = loadgen::run(spec, |event| {
        if let Event::Progress { completed, errors, p99_ms, .. } = event {
            println!("{completed} right, {errors} wrong, p99 {p99_ms:?} ms");
        }
    })?;
    let lag = Histogram::decode(&outcome.schedule_lag).expect("just encoded");
    println!(
        "{:.0} requests/s, {:.0} per CPU-second ({:.2} µs each), core {:.0} % busy, up {}/{}, failed {:?}, \
         timed out {}, unsent {}, lag p50 {:?} p99 {:?} max {:?} ms",
        outcome.throughput_rps,
        outcome.completed as f64 / outcome.cpu_s,
        outcome.cpu_s / outcome.completed as f64 * 1e6,
        outcome.core_busy * 100.0,
        outcome.connections_up,
        outcome.connections_wanted,
        outcome.failed,
        outcome.timed_out,
        outcome.unsent,
        lag.percentile_ms(0.5),
        lag.percentile_ms(0.99),
        lag.max_ms(),
    );
    Ok(())
}
