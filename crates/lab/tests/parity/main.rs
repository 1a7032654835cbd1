//! One contract, every rung: the same request gets the same status, the same headers that matter and the
//! same bytes from each of them, whatever their upstream does; and each is a sound server of HTTP/1.1.
//!
//! What is checked is data in `src/contract`, and who runs it is `src/contract/verify.rs`. In here the
//! rungs are started, as the programs that they are: `rungs` holds everything against each of them, `same`
//! compares them with each other, `timing` reads where they say that time went and `lanes` on which thread, `faults` breaks what is behind them, `command` is `cargo lab verify`
//! against servers that are wrong, and `list` holds `crates/README.md` to the list of known differences.

mod command;
mod faults;
mod lanes;
mod list;
mod rungs;
mod same;
mod timing;

use std::net::SocketAddr;
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use lab::contract::http::{Connection, Request, Response};
use lab::contract::started::Started;
use lab::ladder::{LADDER, Rung};
use lab::programs::Programs;

/// No answer takes longer, even on a busy machine.
const DEADLINE: Duration = Duration::from_secs(30);

/// The programs, built once for all tests.
fn programs() -> &'static Programs {
    static PROGRAMS: OnceLock<Programs> = OnceLock::new();
    PROGRAMS.get_or_init(|| Programs::ready().expect("the programs can be built"))
}

fn upstream(delay: &str) -> Started {
    Started::upstream(programs(), delay).expect("services that start")
}

/// A rung that runs.
struct Server {
    rung: &'static Rung,
    addr: SocketAddr,
    /// Ends with it; in a lock only because threads share the rest.
    _process: Mutex<Started>,
}

fn server(rung: &'static Rung, upstream: SocketAddr, upstream_timeout: &str) -> Server {
    let flags = [format!("--upstream-timeout={upstream_timeout}")];
    let process = Started::rung(programs(), rung, upstream, &flags)
        .unwrap_or_else(|error| panic!("{}: {error:#}", rung.name));
    Server { rung, addr: process.addr, _process: Mutex::new(process) }
}

/// The whole ladder, in its order.
fn servers(upstream: SocketAddr, upstream_timeout: &str) -> Vec<Server> {
    LADDER.iter().map(|rung| server(rung, upstream, upstream_timeout)).collect()
}

/// Asks all servers at the same time; what each of them said, in their order.
fn of_each<T: Send>(servers: &[Server], ask: impl Fn(&Server) -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let asked: Vec<_> = servers.iter().map(|server| scope.spawn(|| ask(server))).collect();
        asked.into_iter().map(|one| one.join().expect("an answer")).collect()
    })
}

fn ask(addr: SocketAddr, request: &Request) -> Response {
    Connection::open(addr, DEADLINE)
        .and_then(|mut connection| connection.exchange(request))
        .unwrap_or_else(|error| panic!("{} {}: {error}", request.method, request.target))
}
