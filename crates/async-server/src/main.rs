//! The program: flags in, a server up, a signal, a server down. Everything else is in the library.

use std::error::Error;
use std::process::ExitCode;

use async_server::config::Args;
use clap::Parser;

fn main() -> ExitCode {
    // Wrong usage ends here, with status 2.
    let args = Args::parse();
    let result = run(args);
    async_server::flush_logs();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> Result<(), Box<dyn Error>> {
    async_server::log_to_stderr();
    if args.exit_with_stdin {
        lifecycle::exit_with_stdin()?;
    }
    let running = async_server::start(args.config)?;
    lifecycle::on_stop_signal(running.stopper())?;
    lifecycle::announce(running.addr);
    Ok(running.wait()?)
}
