//! How every program of the workspace says that it is ready, and how it ends.
//!
//! A server can be started by a person, by a script or by the lab, and must neither be waited for in vain
//! nor outlive whoever started it. So all of them do the same three things: print one line when they
//! listen, stop gracefully on a signal, and (for programs that start them) end with their standard input.

mod excerpt;

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

pub use excerpt::Excerpt;

/// Tells whoever started this program that it accepts connections: one line on standard output,
/// `listening on http://127.0.0.1:PORT`. Port 0 was asked for? Here is the one that was given.
pub fn announce(addr: SocketAddr) {
    let mut out = io::stdout();
    // A reader that is gone already is no reason to stop serving.
    let _ = writeln!(out, "{READY}{addr}").and_then(|()| out.flush());
}

/// Reads the line of [`announce`] back; `None` for any other line.
pub fn announced(line: &str) -> Option<SocketAddr> {
    line.trim_end().strip_prefix(READY)?.parse().ok()
}

const READY: &str = "listening on http://";

/// Runs `stop` once, from a thread of its own, on the first SIGTERM or SIGINT (Ctrl-C). A second signal
/// ends the process at once: whoever sends it twice does not want to wait.
///
/// # Errors
/// When the system refuses the signal handlers or the thread.
pub fn on_stop_signal(stop: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        let mut coming = signals.forever();
        if coming.next().is_some() {
            stop();
        }
        if let Some(signal) = coming.next() {
            std::process::exit(128 + signal);
        }
    })?;
    Ok(())
}

/// Ends this process as soon as standard input reaches its end. A parent that holds the other end of the
/// pipe cannot die without it, not even by `kill -9`, on any system.
///
/// # Errors
/// When the system refuses the thread.
pub fn exit_with_stdin() -> io::Result<()> {
    thread::Builder::new().name("parent-watch".into()).spawn(|| {
        let mut ignored = [0; 256];
        while matches!(io::stdin().read(&mut ignored), Ok(1..)) {}
        std::process::exit(0);
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_ready_line_names_an_address() {
        assert_eq!(announced("listening on http://127.0.0.1:80\n"), Some(([127, 0, 0, 1], 80).into()));
        assert_eq!(announced("listening on http://nowhere"), None);
        assert_eq!(announced("warning: listening on http://127.0.0.1:80"), None);
    }
}
