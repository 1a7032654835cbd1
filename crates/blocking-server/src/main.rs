//! The program: flags in, a server up, a signal, a server down. Everything else is in the library.

use std::io;
use std::process::ExitCode;

use blocking_server::config::Args;
use blocking_server::supervisor;

fn main() -> ExitCode {
    // Wrong usage ends here, with status 2.
    let args = Args::read();
    blocking_server::log_to_stderr();
    run(args).unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::FAILURE
    })
}

fn run(args: Args) -> io::Result<ExitCode> {
    if args.exit_with_stdin {
        lifecycle::exit_with_stdin()?;
    }
    // A bare server outlives the limits that end rouille.
    if args.config.model.is_rouille() && !args.no_supervisor {
        return supervisor::run(&args);
    }
    let running = blocking_server::start(args.config)?;
    lifecycle::on_stop_signal(running.stopper())?;
    lifecycle::announce(running.addr);
    running.wait()?;
    Ok(ExitCode::SUCCESS)
}
