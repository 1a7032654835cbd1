//! What a load asks for, apart from how much of it. Cells stand in one chart, one table and one comparison
//! only where this is the same: an experiment may hold several routes, and connections kept and not kept.
//!
//! The reader goes next to `cells`, which groups by it.

use handlers::Route;

use crate::results::{Load, Mode};

/// Mode, route and whether connections are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target<'a> {
    pub(crate) mode: Mode,
    pub(crate) route: &'a str,
    pub(crate) keep_alive: bool,
}

impl<'a> Target<'a> {
    pub(crate) fn of(load: &'a Load) -> Self {
        Self { mode: load.mode, route: &load.route, keep_alive: load.keep_alive }
    }

    /// As charts, tables and sentences call it, mode left out.
    pub(crate) fn named(&self) -> String {
        let connections = if self.keep_alive { "" } else { " with a connection per request" };
        format!("{}{connections}", self.route)
    }

    /// The same route, whatever becomes of the connections.
    pub(crate) fn same_requests(&self, other: &Self) -> bool {
        self.mode == other.mode && self.route == other.route
    }

    /// Whether a request waits for something. Routes that no server of ours has may.
    pub(crate) fn waits(&self) -> bool {
        !matches!(
            self.parsed(),
            Some(Route::Welcome | Route::Hello | Route::Hash { .. } | Route::Events { .. } | Route::Echo)
        )
    }

    /// Whether a request waits for several things that could be waited for at once.
    pub(crate) fn fans_out(&self) -> bool {
        matches!(self.parsed(), Some(Route::City(_)))
    }

    /// The wait that the route itself names.
    pub(crate) fn wait_ms(&self) -> Option<f64> {
        match self.parsed()? {
            Route::Wait { ms } => Some(f64::from(ms)).filter(|ms| *ms > 0.0),
            _ => None,
        }
    }

    /// Who makes the load, one of them.
    pub(crate) fn caller(&self) -> &'static str {
        crate::cell::caller(self.mode)
    }

    /// What is counted and timed, one of them.
    pub(crate) fn unit(&self) -> &'static str {
        if self.mode == Mode::Subscribers { "tick" } else { "request" }
    }

    fn parsed(&self) -> Option<Route> {
        Route::parse("GET", self.route.as_bytes()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(route: &str) -> Target<'_> {
        Target { mode: Mode::Closed, route, keep_alive: true }
    }

    #[test]
    fn routes_say_what_they_wait_for() {
        assert!(!target("/hello").waits() && !target("/hash/1000").waits());
        assert!(target("/wait/100").waits() && target("/nobody/knows").waits());
        assert_eq!(target("/wait/100").wait_ms(), Some(100.0));
        assert_eq!([target("/wait/0").wait_ms(), target("/hello").wait_ms()], [None, None]);
        assert!(target("/api/city/97201/us").fans_out() && !target("/api/sun/97201/us").fans_out());
    }
}
