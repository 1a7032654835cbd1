//! What can be set from the command line, what cannot, and what the help says about both.

use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use reqwest::Url;

/// Parkbench's async server: a few threads that never wait, and any number of requests that do.
///
/// Each worker is one thread with an event loop. A view that waits registers a timer or a socket with
/// the loop and gives the thread back; so one worker can hold thousands of waiting requests. The blocking
/// server answers the same requests with the same bytes, with a thread for each.
#[derive(Debug, Clone, Parser)]
#[command(name = "async-server", version, after_long_help = help_on_limits())]
pub struct Args {
    /// What the server itself is told.
    #[command(flatten)]
    pub config: Config,
    /// Exit when standard input reaches its end; for programs that start this one
    #[arg(long)]
    pub exit_with_stdin: bool,
}

/// What a server is started with.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    /// Port on 127.0.0.1; 0 takes a free one, and the line on standard output says which
    #[arg(long, default_value_t = 8002)]
    pub port: u16,
    /// Rung of the ladder to be
    #[arg(long, value_name = "RUNG", default_value = "event-loop")]
    pub model: Model,
    /// Event loops, each on a thread of its own [default: the CPUs that this process may use]
    ///
    /// They bound how many requests *compute* at once, not how many wait: with `--workers 1`, 2,000
    /// clients of /wait/100 wait together and are answered in about 0.1 s, while 8 clients of
    /// /hash/1000000 are answered one after another.
    #[arg(long, value_name = "N", default_value_t = cpus(), hide_default_value = true)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=512))]
    pub workers: u16,
    /// Where the slow services are, as http://HOST:PORT or HOST:PORT
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8003")]
    pub upstream: Upstream,
    /// Longest wait for one answer of the upstream, connecting included; then the reply is 504
    ///
    /// A waiting call costs a few kilobytes and no thread, so a slow upstream fills memory long before
    /// it stops other requests. As in `--upstream-timeout 2s` or `500ms`.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = longer_than_zero)]
    pub upstream_timeout: Duration,
    /// Write a line to standard error for every request
    #[arg(long)]
    pub access_log: bool,
    /// After SIGTERM or Ctrl-C, longest wait for the requests that have reached a view
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    pub grace: Duration,
    /// Not flags: what a client may take its time with.
    #[arg(skip)]
    pub limits: Limits,
    /// Not a flag: how many threads a worker may start for blocking calls. Views that await need none, so
    /// only hosts of other views (`bridges`) have a use for it.
    #[arg(skip = BLOCKING_THREADS_PER_WORKER)]
    pub blocking_threads_per_worker: usize,
}

impl Default for Config {
    /// The defaults of the flags.
    fn default() -> Self {
        Args::parse_from(["async-server"]).config
    }
}

/// The rungs that this program can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Model {
    /// actix-web: a request waits nowhere, it has a timer or a socket registered
    EventLoop,
    /// The same without actix-web: tokio sockets and a task for each connection
    BareTaskPerConnection,
}

/// How long a client may take, so that those who never finish do not pile up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From connecting to the end of the first request head; then 408. (Later heads on the same
    /// connection have no limit: actix-web has one timer, for the first.)
    pub head_time: Duration,
    /// From the view's asking for the body to the body's end; then 400.
    pub body_time: Duration,
    /// Between two requests on a connection; then it is closed.
    pub idle_time: Duration,
    /// Without taking a single byte of a reply; then the connection is closed. Only without actix-web, which
    /// waits for as long as such a client likes.
    pub write_time: Duration,
    /// After a reply to a request whose body was not read: what still comes is thrown away this long,
    /// for closing at once would reset the connection before the client has read the reply.
    pub linger_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_time: Duration::from_secs(30),
            body_time: Duration::from_secs(30),
            idle_time: Duration::from_secs(75),
            write_time: Duration::from_secs(30),
            linger_time: Duration::from_secs(5),
        }
    }
}

/// Connections that the kernel may hold for us before we accept them; every rung listens with this.
pub const BACKLOG: u32 = 4096;

/// A worker stops accepting beyond this. actix-web's own default is 25,600; one loopback address has
/// fewer ports than this, so what ends first is always something else: ports, files or memory.
pub const MAX_CONNECTIONS_PER_WORKER: usize = 65_536;

/// What tokio allows a runtime by itself. actix-web divides it by the CPUs; nothing here comes near it.
pub const BLOCKING_THREADS_PER_WORKER: usize = 512;

/// Connections to the upstream that a worker keeps for the next call.
pub const IDLE_UPSTREAM_CONNECTIONS: usize = 2048;

/// How long it keeps them.
pub const IDLE_UPSTREAM_TIME: Duration = Duration::from_secs(30);

/// Where the slow services are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    base: String,
    host: String,
    addrs: Vec<SocketAddr>,
}

impl Upstream {
    /// What paths are appended to: `http://HOST:PORT`, without a slash at its end.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The host's name, or its address as text.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// What the host's name stood for when the command line was read: at least one address.
    pub fn addrs(&self) -> &[SocketAddr] {
        &self.addrs
    }
}

impl FromStr for Upstream {
    type Err = String;

    /// Asks the name service, and waits for it: to be called before there is an event loop.
    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || format!("write http://HOST:PORT or HOST:PORT, as in 127.0.0.1:8003, not \"{text}\"");
        let url = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let url = Url::parse(&url).map_err(|_| wanted())?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let base = url.origin().ascii_serialization();
        // Anything beyond scheme, host and port would be text after the base and its slash.
        if url.scheme() != "http" || url.as_str().strip_prefix(&base) != Some("/") {
            return Err(wanted());
        }
        let addrs = url.socket_addrs(|| None).map_err(|error| format!("{host}: {error}"))?;
        if addrs.is_empty() { Err(wanted()) } else { Ok(Self { base, host, addrs }) }
    }
}

fn cpus() -> u16 {
    std::thread::available_parallelism().map_or(1, |n| u16::try_from(n.get()).unwrap_or(u16::MAX).min(512))
}

fn longer_than_zero(text: &str) -> Result<Duration, String> {
    match time(text)? {
        Duration::ZERO => Err("must be longer than 0".into()),
        time => Ok(time),
    }
}

fn time(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| "write a number and a unit, as in 2s, 500ms or 1m".into())
}

fn help_on_limits() -> String {
    let Limits { head_time, body_time, idle_time, write_time, linger_time } = Limits::default();
    let time = |limit: Duration| format!("{} s", limit.as_secs());
    let max_body_kib = handlers::MAX_BODY_BYTES / 1024;
    format!(
        "Limits:
  request head      {head} to arrive; at most 128 KiB and 96 lines
                    (event-loop: only the first on a connection has this time; bare: 16 KiB and 64 lines)
  request body      {body} to arrive; at most {max_body_kib} KiB
  reply             bare: closed when none of it is taken for {write}
  idle connection   closed after {idle}; with an unread body, {linger} after the reply
  listen backlog    {BACKLOG}
  connections       {MAX_CONNECTIONS_PER_WORKER} a worker, and what `ulimit -n` allows
  to the upstream   no bound on calls at once; {IDLE_UPSTREAM_CONNECTIONS} idle connections kept a worker, for {kept}

Try it:
  async-server --workers 1 &
  curl -i http://127.0.0.1:8002/hello
  curl -N http://127.0.0.1:8002/stream/5/500
  seq 500 | xargs -P 500 -I{{}} curl -s http://127.0.0.1:8002/wait/2000   # ask `ps -o nlwp` meanwhile",
        head = time(head_time),
        body = time(body_time),
        write = time(write_time),
        idle = time(idle_time),
        linger = time(linger_time),
        kept = time(IDLE_UPSTREAM_TIME),
    )
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn an_upstream_is_a_host_and_a_port() {
        let base = |text: &str| text.parse().map(|upstream: Upstream| upstream.base);
        assert_eq!(base("127.0.0.1:8003").unwrap(), "http://127.0.0.1:8003");
        assert_eq!(base("http://localhost:8003/").unwrap(), "http://localhost:8003");
        assert_eq!(base("[::1]:8003").unwrap(), "http://[::1]:8003");
        for bad in ["", "https://localhost", "localhost:99999", "http://h/path", "http://u@h", "h:1?q", "a b"]
        {
            assert!(base(bad).unwrap_err().contains("http://HOST:PORT"), "{bad}");
        }
    }

    #[test]
    fn bad_values_are_refused_with_the_flag_that_was_wrong() {
        for (flag, value) in [
            ("--workers", "0"),
            ("--workers", "513"),
            ("--port", "65536"),
            ("--model", "thread-per-request"),
            ("--upstream-timeout", "0s"),
            ("--upstream-timeout", "soon"),
            ("--grace", "-1"),
            ("--upstream", "ftp://here"),
        ] {
            let error = Args::try_parse_from(["async-server", &format!("{flag}={value}")]).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{flag}={value}");
            assert!(error.to_string().contains(flag), "{error}");
        }
    }
}
