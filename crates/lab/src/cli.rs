//! The command line. Without a subcommand it is `compare`; each subcommand is a file in `cmd/`.

use std::fmt;
use std::io::{self, Write as _};
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::cmd::{compare, doctor, list, live, load, report, serve, verify};

/// Compares servers that wait with their threads and servers that do not, by measuring them
#[derive(Debug, Parser)]
#[command(name = "lab", bin_name = "cargo lab", version, args_conflicts_with_subcommands = true, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    compare: compare::Args,
}

const EXIT_CODES: &str = "\
Exit codes: 0 done; 1 the run failed, was stopped (Ctrl-C keeps what there is), no trial of a cell is valid, or --baseline \
shows a regression; 2 wrong usage.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run experiments and report (what `cargo lab` alone does)
    Compare(compare::Args),
    /// Show the experiments and the ladder of servers
    List,
    /// Run servers side by side until Ctrl-C, to try them out
    Serve(serve::Args),
    /// Two servers side by side on a page, with the load in your hand
    Live(live::Args),
    /// Put load on running servers, side by side
    Load(load::Args),
    /// Make the report of stored results again
    Report(report::Args),
    /// Check servers, ours or yours: the contract of the ladder, and HTTP/1.1 where it matters
    Verify(verify::Args),
    /// Show this machine's limits, what they allow, and how to raise them
    Doctor,
}

impl Cli {
    /// Does what was asked.
    ///
    /// # Errors
    /// Whatever went wrong; [`Usage`] when it was the asking.
    pub fn run(self) -> anyhow::Result<()> {
        match self.command {
            None => compare::run(&self.compare),
            Some(Command::Compare(args)) => compare::run(&args),
            Some(Command::List) => list::run(),
            Some(Command::Serve(args)) => serve::run(&args),
            Some(Command::Live(args)) => live::run(&args),
            Some(Command::Load(args)) => load::run(&args),
            Some(Command::Report(args)) => report::run(&args),
            Some(Command::Verify(args)) => verify::run(&args),
            Some(Command::Doctor) => doctor::run(),
        }
    }
}

/// Wrong usage: exit code 2.
#[derive(Debug)]
pub struct Usage(String);

impl Usage {
    /// An error that says what was wrong and what would be right.
    pub(crate) fn error(text: impl Into<String>) -> anyhow::Error {
        Self(text.into()).into()
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Writes to standard output; a closed one is an error here, where `println!` panics.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", text.trim_end())?;
    out.flush()
}

/// Writes a line to standard error. Nobody there to read it is no reason to stop measuring (`eprintln!`
/// would panic).
pub(crate) fn tell(text: &str) {
    _ = writeln!(io::stderr().lock(), "{text}");
}

/// `10s`, `1.5s`, `500ms`, `2m`, or a number of seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit_ms) = match text {
        _ if text.ends_with("ms") => (&text[..text.len() - 2], 1.0),
        _ if text.ends_with('s') => (&text[..text.len() - 1], 1_000.0),
        _ if text.ends_with('m') => (&text[..text.len() - 1], 60_000.0),
        _ => (text, 1_000.0),
    };
    let ms =
        number.parse::<f64>().map_err(|_| "expected a time such as 10s, 500ms or 2m".to_owned())? * unit_ms;
    if (0.0..=3_600_000.0).contains(&ms) {
        Ok(Duration::from_micros((ms * 1_000.0) as u64))
    } else {
        Err("expected a time from 0 to 60 minutes".into())
    }
}

/// `5%`, `5 %`, `0.5`: a percentage, as a share.
pub(crate) fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim_end();
    match number.parse::<f64>() {
        Ok(percent) if (0.0..=1_000.0).contains(&percent) => Ok(percent / 100.0),
        _ => Err("expected a percentage from 0% to 1000%, such as 5%".into()),
    }
}

/// A share as [`percent`] reads it.
pub(crate) fn in_percent(share: f64) -> String {
    format!("{}%", (share * 1e6).round() / 1e4)
}

/// Seconds as people say them: `45 s`, `2 min 25 s`.
pub(crate) fn in_words(time: Duration) -> String {
    let seconds = time.as_secs_f64().ceil() as u64;
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn times_are_read_with_and_without_units() {
        for (text, ms) in
            [("10", 10_000), ("10s", 10_000), ("1.5s", 1_500), ("500ms", 500), ("2m", 120_000), ("0", 0)]
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for wrong in ["", "s", "ten", "-1s", "NaN", "inf", "61m", "1h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn percentages_are_shares() {
        for (text, share) in
            [("5%", 0.05), ("5 %", 0.05), ("5", 0.05), ("0.5%", 0.005), ("100%", 1.0), ("0", 0.0)]
        {
            assert!(percent(text).is_ok_and(|read| (read - share).abs() < 1e-12), "{text}");
        }
        assert_eq!([in_percent(0.07), in_percent(0.005), in_percent(2.0)], ["7%", "0.5%", "200%"]);
        for wrong in ["", "%", "-5%", "five", "NaN", "inf%", "5%%", "2000%"] {
            assert!(percent(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn times_are_said_in_minutes_and_seconds() {
        let words = |seconds| in_words(Duration::from_secs_f64(seconds));
        assert_eq!([words(44.2), words(145.0), words(120.0)], ["45 s", "2 min 25 s", "2 min"]);
    }
}
