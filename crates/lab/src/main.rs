//! `cargo lab`: reads the command line, runs one subcommand, prints what went wrong.
//!
//! Exit codes: 0 done, 1 the run failed, was stopped or is void, 2 wrong usage. The reader goes next to
//! `cmd/`, a file for each subcommand.

use std::process::ExitCode;

use clap::Parser as _;
use lab::cli::{Cli, Usage};

fn main() -> ExitCode {
    let Err(error) = Cli::parse().run() else { return ExitCode::SUCCESS };
    // A reader that has seen enough, as in `cargo lab list | head -3`, is no failure.
    if let Some(io) = error.downcast_ref::<std::io::Error>()
        && io.kind() == std::io::ErrorKind::BrokenPipe
    {
        return ExitCode::SUCCESS;
    }
    eprintln!("error: {error:#}");
    if error.is::<Usage>() { ExitCode::from(2) } else { ExitCode::FAILURE }
}
