//! One measurement from its beginning to its end: connect, warm up, measure, settle.

use std::sync::Arc;

use crate::clock::{monotonic_ns, process_cpu_ns, sleep_precisely, sleep_until_ns};
use crate::crew::{Counted, Crew};
use crate::error::Error;
use crate::looks::Looks;
use crate::outcome::{self, Spent};
use crate::plan::Plan;
use crate::protocol::{Event, Load, Outcome, Spec};
use crate::recorder::{Tally, Window};

/// Makes the measurement that `spec` describes, and returns when it is over.
///
/// `on_event` gets [`Event::Window`] and [`Event::Progress`] while it runs, on the calling thread, and
/// should return soon. The threads and runtimes that this takes are its own and gone when it returns.
///
/// # Errors
/// When the spec asks for something impossible or the system refuses what the generator needs. A server
/// that fails is not an error but a result.
pub fn run(spec: Spec, on_event: impl FnMut(Event)) -> Result<Outcome, Error> {
    let plan = Arc::new(Plan::new(spec)?);
    // The bystander first: its few connections should not have to queue behind thousands.
    let mut bystander = plan.bystander.as_ref().map(Crew::start).transpose()?;
    let mut main = Crew::start(&plan)?;
    sleep_precisely();
    for crew in bystander.iter_mut().chain([&mut main]) {
        crew.wait_for_connections()?;
    }
    let load_ns = monotonic_ns();
    let start_ns = load_ns + plan.lead_ns();
    let window = Window { start_ns, end_ns: start_ns + plan.window_ns };
    for crew in bystander.iter_mut().chain([&mut main]) {
        crew.begin(load_ns, window)?;
    }
    let mut watch = Watch {
        main: &main,
        bystander: bystander.as_ref(),
        on_event,
        next_ns: load_ns + SECOND,
        last_second: Tally::new(),
        looks: Looks::new(window, plan.seed),
        looks_beside: Looks::new(window, !plan.seed),
    };
    (watch.on_event)(Event::Window { start_ns: window.start_ns, end_ns: window.end_ns });
    let cpu_ns = watch.cpu_over(window);
    watch.settle(&plan, window);
    let Watch { looks, looks_beside, .. } = watch;
    let main = main.finish()?;
    let bystander = bystander.map(Crew::finish).transpose()?;
    let busiest = bystander.iter().chain([&main]).filter_map(|counted| counted.busiest_worker);
    let spent = Spent { cpu_ns, busiest_worker: busiest.max_by(f64::total_cmp) };
    let beside = |counted: Counted| -> Result<Box<Outcome>, Error> {
        let in_flight = looks_beside.beside(counted.total.mean_in_flight());
        Ok(Box::new(Outcome { in_flight, ..outcome::compile(window, &counted, spent)? }))
    };
    let bystander = bystander.map(beside).transpose()?;
    let in_flight = match plan.load {
        Load::Closed { .. } | Load::Open { .. } => looks.beside(main.total.mean_in_flight()),
        Load::Subscribe { .. } | Load::Slow { .. } => None,
    };
    Ok(Outcome { bystander, in_flight, ..outcome::compile(window, &main, spent)? })
}

const SECOND: u64 = 1_000_000_000;
/// After the window, how much longer than the timeout the last requests may take to be counted. Nothing
/// but a bug can use it up.
const GRACE_NS: u64 = 5 * SECOND;

/// Tells how things go while they go.
struct Watch<'a, F> {
    /// The load that is spoken of.
    main: &'a Crew,
    bystander: Option<&'a Crew>,
    on_event: F,
    /// When to say the next word.
    next_ns: u64,
    last_second: Tally,
    /// At the load, and at the bystander.
    looks: Looks,
    looks_beside: Looks,
}

impl<F: FnMut(Event)> Watch<'_, F> {
    /// CPU time of the process from one edge of the window to the other.
    fn cpu_over(&mut self, window: Window) -> u64 {
        let mut at_edges = [0; 2];
        for (cpu_ns, edge_ns) in at_edges.iter_mut().zip([window.start_ns, window.end_ns]) {
            while monotonic_ns() < edge_ns {
                self.say();
                self.looks.look(monotonic_ns(), || self.main.in_flight());
                let mut next_ns = self.next_ns.min(edge_ns).min(self.looks.next_ns());
                if let Some(bystander) = self.bystander {
                    self.looks_beside.look(monotonic_ns(), || bystander.in_flight());
                    next_ns = next_ns.min(self.looks_beside.next_ns());
                }
                sleep_until_ns(next_ns);
            }
            *cpu_ns = process_cpu_ns();
        }
        at_edges[1] - at_edges[0]
    }

    /// Waits until everything that counts has been counted, under the same load as before.
    fn settle(&mut self, plan: &Plan, window: Window) {
        let give_up_ns = window.end_ns + plan.timeout_ns + GRACE_NS;
        // Closed loop: what ended just before the edge may still be on its way into the books.
        let at_least_ns = window.end_ns + 10_000_000;
        loop {
            let now_ns = monotonic_ns();
            let settled = self.main.is_settled() && self.bystander.is_none_or(Crew::is_settled);
            if now_ns >= at_least_ns && settled || now_ns >= give_up_ns {
                return;
            }
            self.say();
            sleep_until_ns(now_ns + 2_000_000);
        }
    }

    /// A word on the last second, if one is over.
    fn say(&mut self) {
        if monotonic_ns() < self.next_ns {
            return;
        }
        self.next_ns += SECOND;
        self.last_second.clear();
        let in_flight = self.main.drain_second(&mut self.last_second);
        let (p50_ms, p99_ms) = self.last_second.p50_and_p99_ms();
        let (completed, errors) = (self.last_second.completed, self.last_second.errors());
        (self.on_event)(Event::Progress { completed, errors, in_flight, p50_ms, p99_ms });
    }
}
