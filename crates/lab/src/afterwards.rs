//! After the load: does a server that had run out of something answer again, and how soon?

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::contract::http::{Connection, Request};
use crate::process::Process;
use crate::results::Afterwards;

/// How long a server has to come back; who needs longer is called gone.
const PATIENCE: Duration = Duration::from_secs(5);
/// For one answer.
const EACH: Duration = Duration::from_millis(500);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(10);

/// Asks for `/hello` until there is an answer, the process has ended, or the time is up.
pub(crate) fn look(addr: SocketAddr, server: &mut Process) -> Afterwards {
    let began = Instant::now();
    let since = || began.elapsed().as_secs_f64() * 1_000.0;
    let mut answered_after_ms = None;
    while answered_after_ms.is_none() && began.elapsed() < PATIENCE && server.poll().is_none() {
        let answer = Connection::open(addr, EACH)
            .and_then(|mut connection| connection.exchange(&Request::get("/hello")));
        if answer.is_ok_and(|answer| answer.status == 200) {
            answered_after_ms = Some(since());
        } else {
            std::thread::sleep(PAUSE);
        }
    }
    Afterwards { answered_after_ms, asked_for_ms: since() }
}
