//! `cargo lab live`: a page on which two servers run side by side, with the load in the reader's hand.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;

use anyhow::Context as _;

use crate::cli::{self, Usage};
use crate::ladder::{self, LADDER, Rung};
use crate::live::{self, Surroundings};
use crate::programs::Programs;
use crate::{limits, stop};

/// Flags of `live`.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct Args {
    /// The two servers that are shown first [default: thread-per-request event-loop]; the page can change them
    #[arg(value_name = "RUNG", num_args = 0..=2, value_parser = ladder::rung)]
    rungs: Vec<&'static Rung>,

    /// The page's port; 0 takes any free one
    #[arg(long, value_name = "PORT", default_value_t = 8010)]
    port: u16,

    /// Directory for reports that the page is asked to take, each in a directory of its own [default: target/lab]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Print the page's address instead of opening it in a browser
    #[arg(long)]
    no_open: bool,
}

const HELP: &str = "\
What to try first: press Start and pull the clients up. On the left each waiting request holds a thread, and there is a \
cell for each of them; on the right one thread holds them all. Then take a preset, mark where you think that each server \
breaks, and watch.

The page answers on this machine only. The load ends 10 s after the last page is closed, everything with Ctrl-C. How many \
clients there can be depends on this machine: `cargo lab doctor` says why.";

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let rungs = match args.rungs.as_slice() {
        [] => [named("thread-per-request"), named("event-loop")],
        [one, other] => [*one, *other],
        _ => return Err(Usage::error("name two rungs, or none: `cargo lab live pool event-loop`")),
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port)).with_context(|| {
        format!("port {} cannot be had; end what uses it, or choose another with --port", args.port)
    })?;
    stop::on_signal().context("cannot watch for Ctrl-C")?;
    let programs = Programs::ready()?;
    limits::raise_open_files();
    let around = Surroundings { programs, limits: limits::read(), rungs, out: args.out.clone() };
    live::run(around, listener, |url| {
        cli::print(&format!("{url}\n\nCtrl-C ends it."))?;
        if !args.no_open {
            open(url);
        }
        Ok(())
    })
}

fn named(name: &str) -> &'static Rung {
    ladder::rung(name).unwrap_or(&LADDER[0])
}

/// In a browser, where there is one. The address stands in the terminal anyway.
fn open(url: &str) {
    use std::process::{Command, Stdio};
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut command = Command::new(opener);
    command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if let Ok(mut child) = command.spawn() {
        // Collected when it ends, so that nothing is left behind.
        _ = std::thread::Builder::new().name("browser".into()).spawn(move || child.wait());
    }
}
