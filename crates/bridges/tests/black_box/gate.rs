//! A view that waits until a test opens the gate, so that tests need not guess how long anything takes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use blocking_server::client::Client;
use blocking_server::request::Request;
use blocking_server::{View, views};

use testing::eventually;

/// Closed at first.
#[derive(Default)]
pub(crate) struct Gate {
    entered: AtomicUsize,
    is_open: Mutex<bool>,
    opened: Condvar,
}

/// What has to wait for the gate; everything else is answered as ever.
pub(crate) const WAITING: &str = "/wait/1";

impl Gate {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// The views of the blocking server, behind this gate.
    pub(crate) fn view(self: &Arc<Self>) -> impl View + use<> {
        let gate = Arc::clone(self);
        move |request: &mut Request<'_>, up: &Client| {
            gate.pass(request.target);
            views::view(request, up)
        }
    }

    /// Lets through what need not wait.
    pub(crate) fn pass(&self, target: &str) {
        self.entered.fetch_add(1, Ordering::SeqCst);
        if target == WAITING {
            let is_open = self.is_open.lock().unwrap();
            drop(self.opened.wait_while(is_open, |is_open| !*is_open).unwrap());
        }
    }

    /// Waits until so many requests have reached the view.
    pub(crate) fn await_entered(&self, requests: usize) {
        eventually("the view is reached", || self.entered() >= requests);
        assert_eq!(self.entered(), requests);
    }

    pub(crate) fn entered(&self) -> usize {
        self.entered.load(Ordering::SeqCst)
    }

    pub(crate) fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.opened.notify_all();
    }
}
