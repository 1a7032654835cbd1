//! Ctrl-C: asked for once, everything winds down and keeps its results; asked for twice, the lab ends.
//!
//! A flag is enough, since whatever waits here waits in short steps and looks at it between them.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// From here on the first SIGINT or SIGTERM sets the flag instead of ending the process.
///
/// # Errors
/// When the system refuses the signal handlers.
pub fn on_signal() -> io::Result<()> {
    lifecycle::on_stop_signal(|| {
        REQUESTED.store(true, Ordering::Relaxed);
        eprintln!("\nstopping, and keeping what there is; once more to end at once");
    })
}

/// Whether somebody asked.
pub fn requested() -> bool {
    REQUESTED.load(Ordering::Relaxed)
}

/// Sleeps for so long, or until somebody asks.
pub fn sleep(duration: Duration) {
    let until = Instant::now() + duration;
    while !requested() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        std::thread::sleep(left.min(Duration::from_millis(50)));
    }
}

/// The error that says that somebody did.
#[derive(Debug)]
pub struct Stopped;

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stopped before the end")
    }
}

impl std::error::Error for Stopped {}
