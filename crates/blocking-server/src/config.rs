//! What can be set from the command line, what cannot, and what the help says about both.

use std::net::{SocketAddr, ToSocketAddrs};
use std::str::FromStr;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, ValueEnum};

/// Parkbench's blocking server: a thread for every request, and a view that waits keeps it.
///
/// Nothing here is asynchronous: a sleeping view parks its thread in the kernel, and so does one that asks
/// another service. How many requests can wait at once is therefore how many threads there may be, which
/// `--model` decides. The async server answers the same requests with the same bytes, with a few threads.
#[derive(Debug, Clone, Parser)]
#[command(name = "blocking-server", version, after_long_help = help_on_limits())]
// The supervisor starts this program again with its own arguments and some more: the last one counts.
#[command(args_override_self = true)]
pub struct Args {
    /// What the server itself is told.
    #[command(flatten)]
    pub config: Config,
    /// Run without the parent process that restarts a server at its end
    ///
    /// At the limit of open files or threads rouille's process ends, or stays without its listener. With
    /// this flag you can watch that; without it, a supervisor says which limit it was and starts anew.
    #[arg(long)]
    pub no_supervisor: bool,
    /// Exit when standard input reaches its end; for programs that start this one
    #[arg(long)]
    pub exit_with_stdin: bool,
}

/// What a server is started with.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    /// Port on 127.0.0.1; 0 takes a free one, and the line on standard output says which
    #[arg(long, default_value_t = 8001)]
    pub port: u16,
    /// Rung of the ladder to be
    ///
    /// It decides how many requests can wait at once. With 100 clients of /wait/1000, `thread-per-request`
    /// answers about 100 a second with 100 threads, and `pool --threads 5` answers 5. (With either, rouille
    /// has another thread for each connection, which reads from it.)
    #[arg(long, value_name = "RUNG", default_value = "thread-per-request")]
    pub model: Model,
    /// Threads that run views, only with `--model pool` [default: 8 for each CPU]
    ///
    /// K threads and a wait of W seconds never give more than K/W requests a second, however idle the
    /// CPU is. Try `--model pool --threads 5` and twenty clients of /wait/945.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u16).range(1..=16_384))]
    pub threads: Option<u16>,
    /// Where the slow services are, as http://HOST:PORT or HOST:PORT
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8003")]
    pub upstream: Upstream,
    /// Longest wait for one answer of the upstream, connecting included; then the reply is 504
    ///
    /// A waiting call keeps its thread, so a slow upstream fills a pool long before it fills memory: then
    /// requests that need no upstream wait too. As in `--upstream-timeout 2s` or `500ms`.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = longer_than_zero)]
    pub upstream_timeout: Duration,
    /// Stack of each thread, as in 256K or 1M, only with the bare models [default: 256K]
    ///
    /// Only what a thread touches becomes memory, so a large stack costs addresses and little else. rouille
    /// makes its threads itself, with the system's usual 2 MiB.
    #[arg(long, value_name = "SIZE", value_parser = stack_size)]
    pub stack_size: Option<usize>,
    /// Write a line to standard error for every request
    #[arg(long)]
    pub access_log: bool,
    /// After SIGTERM or Ctrl-C, longest wait for the requests that have reached a view
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    pub grace: Duration,
    /// Not flags: what a client of the bare models may take its time with. rouille has no such limits.
    #[arg(skip)]
    pub limits: Limits,
}

impl Args {
    /// Reads the command line. What is wrong with it is said in a sentence, with exit code 2.
    pub fn read() -> Self {
        let args = Self::parse();
        if let Err(wrong) = args.config.checked() {
            Self::command().error(ErrorKind::ArgumentConflict, wrong).exit();
        }
        args
    }
}

impl Config {
    /// Refuses flags that do not go together.
    ///
    /// # Errors
    /// Says which flag to leave out, or what to add.
    pub fn checked(&self) -> Result<(), String> {
        if self.threads.is_some() && self.model != Model::Pool {
            return Err(format!(
                "--threads sizes a pool, and {} has none: leave it out, or add --model pool",
                self.model.name()
            ));
        }
        if self.stack_size.is_some() && self.model.is_rouille() {
            return Err(format!(
                "--stack-size is for the bare models; {} is rouille, which makes its threads by itself",
                self.model.name()
            ));
        }
        Ok(())
    }

    /// Stack of each thread of a bare model.
    pub fn stack_bytes(&self) -> usize {
        self.stack_size.unwrap_or(DEFAULT_STACK_BYTES)
    }

    /// Threads of the pool, where the model has one.
    pub fn pool_threads(&self) -> Option<usize> {
        match self.model {
            Model::ThreadPerRequest | Model::BareThreadPerRequest | Model::BareThreadPerConnection => None,
            Model::OneAtATime => Some(1),
            Model::Pool => Some(self.threads.map_or_else(|| 8 * cpus(), usize::from)),
        }
    }
}

impl Default for Config {
    /// The defaults of the flags.
    fn default() -> Self {
        Args::parse_from(["blocking-server"]).config
    }
}

/// The rungs that this program can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Model {
    /// std alone, and one thread for everything: a connection at a time, one request each
    OneAtATime,
    /// rouille with a pool: a fixed number of threads, and requests that wait for a free one
    Pool,
    /// rouille's default: a thread for each request, made when it comes and gone when it is answered
    ThreadPerRequest,
    /// The same without rouille: std sockets, and a thread made for each request
    BareThreadPerRequest,
    /// std sockets and a thread for each connection, which answers all its requests
    BareThreadPerConnection,
}

impl Model {
    /// As on the command line.
    pub fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Whether rouille does the serving.
    pub fn is_rouille(self) -> bool {
        matches!(self, Self::Pool | Self::ThreadPerRequest)
    }
}

/// How long a client of a bare model may take, so that those who never finish do not hold threads for ever.
/// The async server has the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From connecting, or from the first byte on, to the end of a request head; then 408.
    pub head_time: Duration,
    /// From the view's asking for the body to the body's end; then 400.
    pub body_time: Duration,
    /// Between two requests on a connection; then it is closed.
    pub idle_time: Duration,
    /// Without taking a single byte of a reply; then the connection is closed.
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

/// Enough for every view ten times over, and small enough that the C library keeps the stacks of 160 ended
/// threads for the next ones.
const DEFAULT_STACK_BYTES: usize = 256 * 1024;

/// Connections that the kernel may hold for us before we accept them; every rung listens with this.
pub const BACKLOG: i32 = 4096;

/// Connections to the upstream that are kept for the next call.
pub const IDLE_UPSTREAM_CONNECTIONS: usize = 2048;

/// How long they are kept.
pub const IDLE_UPSTREAM_TIME: Duration = Duration::from_secs(30);

/// Of each connection to the upstream, one for what is sent and one for what comes; a response head must
/// fit in. `ureq`'s own 128 KiB would make half a gigabyte for two thousand waiting calls.
pub const UPSTREAM_BUFFER_BYTES: usize = 16 * 1024;

/// Where the slow services are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    base: String,
    addrs: Vec<SocketAddr>,
}

impl Upstream {
    /// What paths are appended to: `http://HOST:PORT`, without a slash at its end.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// What the host's name stood for when the command line was read: at least one address.
    pub fn addrs(&self) -> &[SocketAddr] {
        &self.addrs
    }
}

impl FromStr for Upstream {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || format!("write http://HOST:PORT or HOST:PORT, as in 127.0.0.1:8003, not \"{text}\"");
        let rest = text.strip_prefix("http://").unwrap_or(text);
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match authority.rsplit_once(':') {
            // The colons of an address without a port, `[::1]`, are not before a port.
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| wanted())?),
            _ => (authority, 80_u16),
        };
        let is_bracketed = host.starts_with('[') && host.ends_with(']');
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if host.is_empty() || !(is_bracketed || host.chars().all(is_name)) {
            return Err(wanted());
        }
        let base = format!("http://{host}:{port}");
        let found = (host.trim_matches(['[', ']']), port).to_socket_addrs();
        let addrs: Vec<_> = found.map_err(|error| format!("{host}: {error}"))?.collect();
        if addrs.is_empty() { Err(wanted()) } else { Ok(Self { base, addrs }) }
    }
}

fn cpus() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn longer_than_zero(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("must be longer than 0".into()),
        Ok(time) => Ok(time),
        Err(error) => Err(error.to_string()),
    }
}

fn stack_size(text: &str) -> Result<usize, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => Some(1),
        "k" | "kib" => Some(1024),
        "m" | "mib" => Some(1024 * 1024),
        _ => None,
    };
    let bytes = unit.and_then(|unit: usize| unit.checked_mul(digits.parse().ok()?));
    bytes
        .filter(|bytes| (64 * 1024..=64 * 1024 * 1024).contains(bytes))
        .ok_or_else(|| "write a size from 64K to 64M".into())
}

fn help_on_limits() -> String {
    let limits = Limits::default();
    format!(
        "Limits of rouille (pool, thread-per-request):
  request head      none: rouille reads for as long, and as much, as a client sends
  request body      no time limit; at most {max_body} bytes
  idle connection   kept open until the client closes it; it holds a thread and 2 descriptors
Limits of the bare models:
  request head      {head} to arrive; at most 16 KiB and 64 lines
  request body      {body} to arrive; at most {max_body} bytes
  reply             closed when none of it is taken for {write}
  idle connection   closed after {idle}; with an unread body, {linger} after the reply
Limits of all:
  listen backlog    {BACKLOG}
  connections       what `ulimit -n` and the limits on threads allow
  to the upstream   a call for each thread; {IDLE_UPSTREAM_CONNECTIONS} idle connections kept, for {kept}

Try it:
  blocking-server --model pool --threads 5 &
  curl -i http://127.0.0.1:8001/hello
  curl -N http://127.0.0.1:8001/stream/5/500
  seq 20 | xargs -P 20 -I{{}} curl -s http://127.0.0.1:8001/wait/1000   # four rounds of five",
        max_body = handlers::MAX_BODY_BYTES,
        head = humantime::format_duration(limits.head_time),
        body = humantime::format_duration(limits.body_time),
        write = humantime::format_duration(limits.write_time),
        idle = humantime::format_duration(limits.idle_time),
        linger = humantime::format_duration(limits.linger_time),
        kept = humantime::format_duration(IDLE_UPSTREAM_TIME),
    )
}

#[cfg(test)]
mod tests {
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
    fn threads_belong_to_the_pool() {
        let config =
            |flags: &[&str]| Args::try_parse_from([&["blocking-server"], flags].concat()).unwrap().config;
        assert_eq!(config(&["--model", "pool", "--threads", "5"]).pool_threads(), Some(5));
        assert_eq!(config(&["--model", "pool"]).pool_threads(), Some(8 * cpus()));
        assert_eq!(config(&[]).pool_threads(), None);
        assert!(config(&["--threads", "5"]).checked().unwrap_err().contains("--model pool"));
    }

    #[test]
    fn bad_values_are_refused_with_the_flag_that_was_wrong() {
        for (flag, value) in [
            ("--threads", "0"),
            ("--threads", "many"),
            ("--port", "65536"),
            ("--model", "event-loop"),
            ("--upstream-timeout", "0s"),
            ("--upstream-timeout", "soon"),
            ("--grace", "-1"),
            ("--upstream", "ftp://here"),
        ] {
            let error = Args::try_parse_from(["blocking-server", &format!("{flag}={value}")]).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{flag}={value}");
            assert!(error.to_string().contains(flag), "{error}");
        }
    }
}
