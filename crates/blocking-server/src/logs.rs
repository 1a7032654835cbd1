//! Standard error, written to on the spot: whoever logs waits for it, as everybody here waits for everything.
//! The async server's file of the same name shows what it takes not to.

use std::io::{self, Write};

/// Writes a line to standard error.
pub(crate) fn line(text: &str) {
    // One write, or lines of several threads get mixed up. Nobody reads? Then it is not worth dying for.
    let _ = io::stderr().write_all(format!("{text}\n").as_bytes());
}

/// Shows what this crate and the libraries under it warn of. That `accept` has failed, and of what, is a line
/// of `tiny_http`'s that nobody sees otherwise.
pub fn to_stderr() {
    static LOGGER: Warnings = Warnings;
    // Fails only where a program has a logger of its own, which is then the one to use.
    if log::set_logger(&LOGGER).is_ok() {
        log::set_max_level(log::LevelFilter::Warn);
    }
}

struct Warnings;

impl log::Log for Warnings {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let text = record.args().to_string();
        // EINVAL: `accept` on a listener that was closed. That is how this server stops, and no news.
        let is_stop = record.target().starts_with("tiny_http") && text.contains("(os error 22)");
        if !is_stop {
            line(&format!("{}: {text}", record.level().as_str().to_lowercase()));
        }
    }

    fn flush(&self) {}
}
