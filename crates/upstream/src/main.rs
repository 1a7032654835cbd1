//! The command `upstream`: flags in, services up, until a signal comes. All else is in the library.

use std::process::ExitCode;

use clap::Parser;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use upstream::Config;

/// The slow third-party services of the lesson: location, sun and weather
///
/// Both servers call these, and what a call waits for here is what their threads are parked for. The
/// places and their sun are real, the slowness is a setting, and trouble comes when it is ordered.
#[derive(Parser)]
#[command(version, after_long_help = EXAMPLES)]
struct Cli {
    #[command(flatten)]
    config: Config,

    /// Exit when standard input reaches its end; for programs that start this one
    #[arg(long)]
    exit_with_stdin: bool,
}

const EXAMPLES: &str = "\
Try it:
  curl 'http://127.0.0.1:8003/location?q=97201,us'
  curl 'http://127.0.0.1:8003/sun?lat=45.4989&lng=-122.6914'
  curl 'http://127.0.0.1:8003/weather?zip=97201,us'

Watch it, order trouble, call it off:
  curl http://127.0.0.1:8003/control
  curl -d '{\"stall\": {\"for_ms\": 5000}}' http://127.0.0.1:8003/control
  curl -d '{\"error\": {\"rate\": 0.1, \"path\": \"/sun\"}}' http://127.0.0.1:8003/control
  curl -d '{}' http://127.0.0.1:8003/control
The faults are stall, reset, error, garbage and slow_body; each takes path and for_ms, and all but stall
take rate and count. Each POST replaces the faults of the one before.

Delays are as exact as tokio's timers: they tick in milliseconds, and a delay comes out 1 to 2 ms longer.
The header server-timing of each answer says how long that call was queued and in service.";

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> std::io::Result<()> {
    if cli.exit_with_stdin {
        lifecycle::exit_with_stdin()?;
    }
    raise_file_limit();
    let running = upstream::start(cli.config)?;
    lifecycle::on_stop_signal(running.stopper())?;
    lifecycle::announce(running.addr);
    running.wait()
}

/// A connection is an open file, and systems give a program 256 or 1,024 of them unless it asks for more.
/// If asking fails, the limit stays what it is: enough for a first look.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    // macOS refuses "unlimited", its hard limit, and takes this.
    for current in [limit.maximum, Some(10_240)] {
        if setrlimit(Resource::Nofile, Rlimit { current, ..limit }).is_ok() {
            return;
        }
    }
}
