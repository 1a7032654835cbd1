//! What the black-box tests share, and nothing else uses.
//!
//! [`http`] sends exactly what a test says, [`program`] starts a server's binary and ends it with the test,
//! [`fake_upstream`] stands in for the slow services where they have to misbehave. Everything blocks, on threads of
//! the test, and panics where a test would.

pub mod fake_upstream;
pub mod http;
pub mod program;

use std::thread;
use std::time::{Duration, Instant};

/// Waits until something is so. Panics after 20 s, which is longer than anything here takes on a busy machine.
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < give_up, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
