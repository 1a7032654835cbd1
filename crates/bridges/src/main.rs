//! The program: flags in, a server up, a signal, a server down. Everything else is in the library.

use std::io;
use std::process::ExitCode;

use blocking_server::supervisor;
use bridges::config::{Args, Model};

fn main() -> ExitCode {
    // Wrong usage ends here, with status 2.
    let args = Args::read();
    let result = run(&args);
    async_server::flush_logs();
    result.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::FAILURE
    })
}

fn run(args: &Args) -> io::Result<ExitCode> {
    // Each host logs as it waits: one on the spot, the other through a queue.
    match args.config.model {
        Model::AsyncViews => blocking_server::log_to_stderr(),
        Model::Offload | Model::BlockedLoop => async_server::log_to_stderr(),
    }
    if args.exit_with_stdin {
        lifecycle::exit_with_stdin()?;
    }
    if args.is_supervised() {
        return supervisor::run(&args.for_supervisor());
    }
    let running = bridges::start(&args.config)?;
    lifecycle::on_stop_signal(running.stopper())?;
    lifecycle::announce(running.addr);
    running.wait()?;
    Ok(ExitCode::SUCCESS)
}
