//! The generator as a process of its own: a [`Spec`] line in, [`Event`] lines out.

use std::io::{self, BufRead as _, Read as _, Write as _};
use std::process::ExitCode;

use loadgen::protocol::{Event, Spec};
use loadgen::{Error, live, raise_file_limit, run};

const USAGE: &str = "\
Makes one load measurement, told and telling in JSON lines.

Usage: loadgen [--live]

One line on standard input says what to measure; standard input then stays open, and its end ends the
program: whoever asked is gone. Lines on standard output say how it goes and what came out. For example:

  (echo '{\"url\":\"http://127.0.0.1:8080/hello\",\"load\":{\"mode\":\"closed\",\"clients\":64},
    \"timeout_ms\":1000,\"warm_up_ms\":500,\"window_ms\":2000}' | tr -d '\\n'; echo; sleep 5) | loadgen

Other loads:

  {\"mode\":\"open\",\"rate_rps\":500,\"connections\":64}       requests due on a schedule
  {\"mode\":\"subscribe\",\"subscribers\":64,\"tick_ms\":1000}  streams of ticks, such as those of /live

and beside any of them: \"bystander\":{\"target\":\"/hello\",\"rate_rps\":50,\"connections\":64}

With --live the load can be changed while it runs: each line is an order such as
{\"load\":{\"spec\":…,\"now\":64,\"slow\":0}}, and four times a second a line says how things are, until
standard input ends.

Exit codes: 0 measured, 1 the run failed, 2 the spec or the usage is wrong.";

/// More than any spec needs: its longest part is the body that is sent and the one that is expected.
const MAX_SPEC_BYTES: u64 = 16 * 1024 * 1024;

fn main() -> ExitCode {
    let done = match std::env::args().nth(1).as_deref() {
        // It always does; the flag is understood as by the other programs.
        None | Some("--exit-with-stdin") => measure(),
        Some("--live") => go_on(),
        Some("--help" | "-h") => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Some(other) => {
            eprintln!("loadgen takes no argument {other:?}; see loadgen --help");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let code = if matches!(error, Error::Spec(_)) { 2 } else { 1 };
            say(&Event::Failed { message: error.to_string() });
            ExitCode::from(code)
        }
    }
}

fn measure() -> Result<(), Error> {
    let spec = read_spec()?;
    lifecycle::exit_with_stdin().map_err(|source| Error::System { what: "watch standard input", source })?;
    raise_file_limit();
    let outcome = run(spec, |event| say(&event))?;
    say(&Event::Outcome(Box::new(outcome)));
    Ok(())
}

/// Until standard input ends: whoever gave the orders is gone.
fn go_on() -> Result<(), Error> {
    raise_file_limit();
    live::run(io::BufReader::new(io::stdin()), say)
}

fn read_spec() -> Result<Spec, Error> {
    let mut line = String::new();
    io::stdin()
        .lock()
        .take(MAX_SPEC_BYTES)
        .read_line(&mut line)
        .map_err(|source| Error::System { what: "read a spec from standard input", source })?;
    serde_json::from_str(&line).map_err(|error| {
        Error::Spec(format!("the first line of standard input is not a spec: {error}; see loadgen --help"))
    })
}

/// Nobody reads any more? Then nobody wants the measurement either.
fn say(event: &impl serde::Serialize) {
    let mut line = serde_json::to_vec(event).expect("events always serialise");
    line.push(b'\n');
    let mut out = io::stdout().lock();
    if out.write_all(&line).and_then(|()| out.flush()).is_err() {
        std::process::exit(1);
    }
}
