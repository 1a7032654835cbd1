//! `cargo lab serve`: the servers side by side, on ports that stay the same, until Ctrl-C.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::cell::server_flags;
use crate::cli;
use crate::ladder::{self, Rung};
use crate::process::{Process, exit_text};
use crate::programs::Programs;
use crate::{limits, stop};

/// Flags of `serve`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Servers to run [default: thread-per-request event-loop]
    #[arg(value_name = "RUNG", value_parser = ladder::rung)]
    rungs: Vec<&'static Rung>,

    /// The first server's port; the others and the upstream take the ports after it
    #[arg(long, value_name = "PORT", default_value_t = 8001)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=65_000))]
    port: u16,

    /// Threads of the rung `pool` [default: 8 for each CPU]
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    threads: Option<u32>,

    /// How long the services behind the servers take: lecture, fixed:100ms, exp:100ms, lognormal:100ms:0.5
    #[arg(long, value_name = "PROFILE", default_value = "lecture")]
    delay: String,
}

/// A running server and how to call it.
struct Served {
    name: String,
    process: Process,
    port: u16,
    over: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let rungs = if args.rungs.is_empty() { pair() } else { args.rungs.clone() };
    stop::on_signal().context("cannot watch for Ctrl-C")?;
    let programs = Programs::ready()?;
    limits::raise_open_files();
    // All of them first: half a line-up helps nobody.
    let ports: Vec<u16> = (args.port..).take(rungs.len() + 1).collect();
    ports.iter().try_for_each(|port| free(*port))?;

    let upstream_port = ports[rungs.len()];
    let flags =
        [format!("--port={upstream_port}"), "--exit-with-stdin".into(), format!("--delay={}", args.delay)];
    let mut served = vec![start("upstream", "upstream", &flags, upstream_port, &programs)?];
    for (rung, port) in rungs.iter().zip(&ports) {
        let flags = flags_of(rung, *port, upstream_port, args);
        served.push(start(rung.name, rung.program, &flags, *port, &programs)?);
    }
    cli::print(&invitation(&served))?;
    watch(&mut served)?;
    served.iter_mut().for_each(|one| one.process.ask_to_end());
    served.iter_mut().for_each(|one| _ = one.process.end());
    Ok(())
}

/// The two servers that the project is named for.
fn pair() -> Vec<&'static Rung> {
    let named = ["thread-per-request", "event-loop"];
    ladder::LADDER.iter().filter(|rung| named.contains(&rung.name)).collect()
}

fn flags_of(rung: &Rung, port: u16, upstream_port: u16, args: &Args) -> Vec<String> {
    let pool = args.threads.filter(|_| rung.name == "pool").map(|threads| format!("--threads={threads}"));
    let cpus = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let mut flags = server_flags(rung, &pool.into_iter().collect::<Vec<_>>(), cpus, cpus);
    flags.push(format!("--port={port}"));
    flags.push(format!("--upstream=http://127.0.0.1:{upstream_port}"));
    flags.push("--exit-with-stdin".into());
    flags
}

fn start(
    name: &str,
    program: &str,
    flags: &[String],
    port: u16,
    programs: &Programs,
) -> anyhow::Result<Served> {
    let (process, _) = Process::listening_aloud(programs.path(program)?, flags, name)?;
    Ok(Served { name: name.to_owned(), process, port, over: false })
}

fn free(port: u16) -> anyhow::Result<()> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Ok(()),
        Err(error) => {
            bail!("port {port} cannot be had ({error}); end what uses it, or choose others with --port")
        }
    }
}

fn invitation(served: &[Served]) -> String {
    let mut text = String::new();
    let widest = served.iter().map(|one| one.name.len()).max().unwrap_or(0);
    for one in served {
        text += &format!("{:<widest$}  http://127.0.0.1:{}\n", one.name, one.port);
    }
    text += "\nTry, in another terminal:\n";
    let servers = &served[1..];
    for one in servers {
        text += &format!("  curl http://127.0.0.1:{}/api/sun/97201/us\n", one.port);
    }
    let urls: Vec<_> = servers.iter().map(|one| format!("http://127.0.0.1:{}/wait/250", one.port)).collect();
    text += &format!("  cargo lab load {} --clients 200\n", urls.join(" "));
    text + "\nCtrl-C ends all of them."
}

/// Until somebody asks to stop, or there is nothing left to watch.
fn watch(served: &mut [Served]) -> anyhow::Result<()> {
    while !stop::requested() {
        for one in served.iter_mut().filter(|one| !one.over) {
            if let Some(ended) = one.process.poll() {
                one.over = true;
                crate::cli::tell(&format!("{} has ended: {}", one.name, exit_text(ended.status)));
            }
        }
        if served[1..].iter().all(|one| one.over) {
            bail!("no server is left");
        }
        stop::sleep(Duration::from_millis(200));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ladder::Kind;

    #[test]
    fn the_pair_is_one_of_each_kind() {
        let kinds: Vec<_> = pair().iter().map(|rung| rung.kind).collect();
        assert_eq!(kinds, [Kind::Blocking, Kind::Async]);
    }
}
