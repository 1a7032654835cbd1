//! `cargo lab verify`: does a server keep the contract, and is it a sound server of HTTP/1.1?

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::cli::{self, Usage};
use crate::contract::started::Started;
use crate::contract::verify::{self, Finding, Outcome, Part, Subject};
use crate::ladder::{self, LADDER, Rung};
use crate::programs::Programs;
use crate::stop::{self, Stopped};

/// Flags of `verify`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// A rung of the ladder, which is started for it; `all` of them; or the URL of a server that runs
    #[arg(value_name = "RUNG|URL", required = true, num_args = 1..=32, value_parser = target)]
    targets: Vec<Target>,

    /// Which rung the servers at the URLs are, whose known differences then count
    #[arg(long = "as", value_name = "RUNG", value_parser = ladder::rung)]
    is: Option<&'static Rung>,

    /// Leave out what needs the services behind a server at a URL
    #[arg(long)]
    no_upstream: bool,

    /// How long one answer may take
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = cli::duration)]
    timeout: Duration,

    /// Cases at the same time [default: 8; 1 for one-at-a-time]
    ///
    /// Take 1 for a server that serves one connection at a time: it would keep the others waiting.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    jobs: Option<u8>,

    /// List what passed for several servers, too
    #[arg(long, short)]
    verbose: bool,

    /// Send bad requests to this host, which is not this machine. Only with its owner's consent
    #[arg(long, value_name = "HOST")]
    allow_remote: Option<String>,
}

const EXAMPLES: &str = "\
Two parts are checked. The contract is what every server of the ladder promises: routes,
bodies, refusals (the table in crates/README.md). Conformance is what HTTP/1.1 asks of any
server, so that clients stay in step with it and nobody smuggles a request past a proxy:
keep-alive, pipelining, chunks, lengths, heads.

  pass    as it should be
  known   the framework under this rung does something else; what that is, is said
  FAIL    not as it should be; what was sent and received is shown
  skip    not tried

Try it:
  cargo lab verify thread-per-request event-loop
  cargo lab verify all
  cargo lab verify http://127.0.0.1:8080 --no-upstream   # a server of your own

A server of your own that calls the slow services finds them with
  cargo run -p upstream";

/// What to verify.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    All,
    Rung(&'static Rung),
    Url { host: String, port: u16 },
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    if args.timeout.is_zero() {
        return Err(Usage::error("--timeout: longer than 0"));
    }
    let (rungs, urls) = chosen(args)?;
    stop::on_signal().context("cannot watch for Ctrl-C")?;
    let listed = args.verbose || rungs.len() + urls.len() == 1;
    let mut bad = Vec::new();
    for (name, addr) in &urls {
        let subject = subject(*addr, args.is, !args.no_upstream, args);
        bad.extend(report(name, &subject, listed)?);
    }
    if !rungs.is_empty() {
        let programs = Programs::ready()?;
        let upstream = Started::upstream(&programs, "fixed:5ms")?;
        for rung in rungs {
            let mut server = Started::rung(&programs, rung, upstream.addr, &[])?;
            let subject = subject(server.addr, Some(rung), true, args);
            bad.extend(report(rung.name, &subject, listed)?);
            if let Some(how) = server.ended() {
                bad.push(format!("{} ended by itself: {how}", rung.name));
            }
        }
    }
    if bad.is_empty() { Ok(()) } else { bail!("{}", bad.join("; ")) }
}

fn subject(addr: SocketAddr, rung: Option<&'static Rung>, has_upstream: bool, args: &Args) -> Subject {
    let jobs = args.jobs.map_or_else(|| verify::jobs(rung), usize::from);
    Subject { addr, rung, has_upstream, patience: args.timeout, jobs }
}

type Urls = Vec<(String, SocketAddr)>;

/// Rungs and addresses, each once, or what is wrong with the asking.
fn chosen(args: &Args) -> anyhow::Result<(Vec<&'static Rung>, Urls)> {
    let (mut rungs, mut urls): (Vec<&'static Rung>, Urls) = (Vec::new(), Vec::new());
    for target in &args.targets {
        match target {
            Target::All => rungs.extend(LADDER),
            Target::Rung(rung) => rungs.push(rung),
            Target::Url { host, port } => {
                let addr = resolved(host, *port, args.allow_remote.as_deref())?;
                urls.push((format!("http://{host}:{port}"), addr));
            }
        }
    }
    for (at, rung) in rungs.iter().enumerate() {
        if rungs[..at].contains(rung) {
            return Err(Usage::error(format!("{} is named twice", rung.name)));
        }
    }
    if urls.is_empty() && (args.is.is_some() || args.no_upstream) {
        return Err(Usage::error("--as and --no-upstream are about servers at URLs, and there is none"));
    }
    Ok((rungs, urls))
}

fn resolved(host: &str, port: u16, allow_remote: Option<&str>) -> anyhow::Result<SocketAddr> {
    let found = (host.trim_matches(['[', ']']), port).to_socket_addrs();
    let mut found = found.map_err(|error| Usage::error(format!("{host}: {error}")))?;
    let addr = found.next().ok_or_else(|| Usage::error(format!("{host} has no address")))?;
    if addr.ip().is_loopback() || allow_remote == Some(host) {
        return Ok(addr);
    }
    Err(Usage::error(format!(
        "{host} is not this machine, and what is sent is meant to provoke; with the consent of its owner: \
         --allow-remote {host}"
    )))
}

/// Verifies one server and prints what came of it; a line for the end, if it failed.
fn report(name: &str, subject: &Subject, listed: bool) -> anyhow::Result<Option<String>> {
    cli::print(&format!("{name} at http://{}", subject.addr))?;
    let begun = Instant::now();
    if let Err(error) = verify::alive(subject) {
        cli::print(&format!("  FAIL    answers nobody: {error}\n"))?;
        return Ok(Some(format!("{name} does not answer GET /hello")));
    }
    let findings = verify::verify(subject);
    let mut text = String::new();
    for part in [Part::Contract, Part::Conformance] {
        let of_part = || findings.iter().filter(|finding| finding.part == part);
        text += &format!("  {part}: {}\n", Counts::of(of_part()));
        for finding in of_part().filter(|one| listed || one.outcome != Outcome::Passed) {
            text += &line(finding);
        }
    }
    let counts = Counts::of(findings.iter());
    text += &format!("{name}: {counts}, in {:.1} s\n", begun.elapsed().as_secs_f64());
    cli::print(&text)?;
    cli::print("")?;
    if stop::requested() {
        return Err(Stopped.into());
    }
    Ok((counts.failed > 0).then(|| format!("{name} failed {} of {}", counts.failed, findings.len())))
}

/// A case, and under it what there is to say about it.
fn line(finding: &Finding) -> String {
    let (word, more) = match &finding.outcome {
        Outcome::Passed => ("pass", String::new()),
        Outcome::Known(does) => ("known", format!("instead: {does}")),
        Outcome::NotSo(does) => (
            "FAIL",
            format!(
                "it passed, so it is no known difference any more, and should be taken off the list: {does}"
            ),
        ),
        Outcome::Failed(failure) => ("FAIL", format!("{}\n{}", failure.why, failure.transcript)),
        Outcome::Skipped(why) => ("skip", (*why).to_owned()),
    };
    let section = if finding.part == Part::Contract { "" } else { finding.section };
    let mut text = format!("    {word:<7} {:<66} {section}", finding.name).trim_end().to_owned() + "\n";
    for line in more.lines() {
        text += &format!("            {line}\n");
    }
    text
}

/// How many came to what.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: usize,
    known: usize,
    failed: usize,
    skipped: usize,
}

impl Counts {
    fn of<'a>(findings: impl Iterator<Item = &'a Finding>) -> Self {
        let mut counts = Self::default();
        for finding in findings {
            match finding.outcome {
                Outcome::Passed => counts.passed += 1,
                Outcome::Known(_) => counts.known += 1,
                Outcome::NotSo(_) | Outcome::Failed(_) => counts.failed += 1,
                Outcome::Skipped(_) => counts.skipped += 1,
            }
        }
        counts
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} known, {} failed", self.passed, self.known, self.failed)?;
        if self.skipped > 0 { write!(f, ", {} skipped", self.skipped) } else { Ok(()) }
    }
}

fn target(text: &str) -> Result<Target, String> {
    if text == "all" {
        return Ok(Target::All);
    }
    let Some(rest) = text.strip_prefix("http://") else {
        let or = "or `all`, or a URL such as http://127.0.0.1:8001";
        return ladder::rung(text).map(Target::Rung).map_err(|error| format!("{error}; {or}"));
    };
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = match authority.rsplit_once(':') {
        // The colons of an address without a port, `[::1]`, are not before a port.
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()),
        _ => (authority, Some(80)),
    };
    match port {
        Some(port) if !host.is_empty() && !host.contains(['/', '@', '?', '#']) => {
            Ok(Target::Url { host: host.to_owned(), port })
        }
        _ => Err("expected a URL without a path, such as http://127.0.0.1:8001".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_rung_all_of_them_or_a_url_without_a_path() {
        assert_eq!(target("all"), Ok(Target::All));
        assert!(matches!(target("pool"), Ok(Target::Rung(rung)) if rung.name == "pool"));
        let url = |host: &str, port| Ok(Target::Url { host: host.into(), port });
        assert_eq!(target("http://127.0.0.1:8001/"), url("127.0.0.1", 8001));
        assert_eq!(target("http://localhost"), url("localhost", 80));
        assert_eq!(target("http://[::1]:8001"), url("[::1]", 8001));
        for wrong in ["http://", "http://a:b", "http://a:80/hello", "http://me@a", "https://a", "flask"] {
            assert!(target(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn other_machines_are_left_alone_unless_named() {
        assert!(resolved("127.0.0.1", 1, None).is_ok());
        let error = resolved("192.0.2.1", 1, None).unwrap_err();
        assert!(error.is::<Usage>() && error.to_string().contains("--allow-remote 192.0.2.1"), "{error}");
        assert!(resolved("192.0.2.1", 1, Some("192.0.2.2")).is_err());
        assert!(resolved("192.0.2.1", 1, Some("192.0.2.1")).is_ok());
    }
}
