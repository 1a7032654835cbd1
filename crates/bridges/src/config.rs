//! What can be set from the command line, what cannot, and what the help says about both.

use std::str::FromStr;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, ValueEnum};

/// Parkbench's bridges: async views on a blocking server, blocking views on an async one.
///
/// The views are those of the two servers, and so are the hosts; only who meets whom is new. With
/// `async-views` every request still holds a thread, but may wait for two things at once. With `offload` the
/// event loop stays free, and a pool of threads does the waiting. With `blocked-loop` the loop itself
/// waits, which is the mistake to know.
#[derive(Debug, Clone, Parser)]
#[command(name = "bridges", version, after_long_help = help_on_limits())]
// The supervisor starts this program again with its own arguments and some more: the last one counts.
#[command(args_override_self = true)]
pub struct Args {
    /// What the server itself is told.
    #[command(flatten)]
    pub config: Config,
    /// Run without the parent process that restarts a server at its end, only with `--model async-views`
    ///
    /// That one stands on rouille, which ends at the limit of open files or threads. The other two go on
    /// by themselves, and have no such parent.
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
    #[arg(long, default_value_t = 8004)]
    pub port: u16,
    /// Rung of the ladder to be
    #[arg(long, value_name = "RUNG", default_value = "async-views")]
    pub model: Model,
    /// Event loops, each on a thread of its own; not with `async-views` [default: the CPUs that this process
    /// may use]
    ///
    /// With `offload` they bound how many requests are read and answered at once, not how many wait. With
    /// `blocked-loop` they are all that waits: `--workers 1` and a client of /wait/1000 leave everybody
    /// else a second without an answer.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    pub workers: Option<u16>,
    /// Threads that run the views, those of all workers together; only with `offload` [default: 512]
    ///
    /// K threads and a wait of W seconds never give more than K/W requests a second, here as on a blocking
    /// server. Each worker has a pool of its own, so that this is shared out among them: take a multiple of
    /// `--workers`. Try `--workers 1 --blocking-threads 5` and twenty clients of /wait/945.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u16).range(1..=16_384))]
    pub blocking_threads: Option<u16>,
    /// Where the slow services are, as http://HOST:PORT or HOST:PORT
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8003")]
    pub upstream: Upstream,
    /// Longest wait for one answer of the upstream, connecting included; then the reply is 504
    ///
    /// As in `--upstream-timeout 2s` or `500ms`.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = longer_than_zero)]
    pub upstream_timeout: Duration,
    /// Write a line to standard error for every request
    #[arg(long)]
    pub access_log: bool,
    /// After SIGTERM or Ctrl-C, longest wait for the requests that have reached a view
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    pub grace: Duration,
}

/// The rungs that this program can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Model {
    /// rouille with the async views: a thread for each request, and a small event loop on it
    AsyncViews,
    /// actix-web with the blocking views, on a pool of threads beside the event loops
    Offload,
    /// actix-web with the blocking views in the event loops themselves, which then serve nobody else
    BlockedLoop,
}

/// Where the slow services are, as either server's client wants to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    blocking: blocking_server::config::Upstream,
    r#async: async_server::config::Upstream,
}

/// Threads of an offload server that was not told how many, shared out among its workers. tokio would
/// allow each of them as many.
pub const BLOCKING_THREADS: u16 = 512;

impl Args {
    /// Reads the command line. What is wrong with it is said in a sentence, with exit code 2.
    pub fn read() -> Self {
        let args = Self::parse();
        if let Err(wrong) = args.checked() {
            Self::command().error(ErrorKind::ArgumentConflict, wrong).exit();
        }
        args
    }

    /// Refuses flags that do not go together.
    ///
    /// # Errors
    /// Says which flag to leave out, or what to add.
    pub fn checked(&self) -> Result<(), String> {
        let model = self.config.model;
        if self.no_supervisor && model != Model::AsyncViews {
            return Err(format!(
                "--no-supervisor is for async-views; {} has none: leave it out",
                model.name()
            ));
        }
        self.config.checked()
    }

    /// Whether a parent process is to watch over the server. Only rouille needs one.
    pub fn is_supervised(&self) -> bool {
        self.config.model == Model::AsyncViews && !self.no_supervisor
    }

    /// What the blocking server's supervisor wants to know.
    pub fn for_supervisor(&self) -> blocking_server::config::Args {
        let Self { no_supervisor, exit_with_stdin, .. } = *self;
        blocking_server::config::Args { config: self.config.for_blocking(), no_supervisor, exit_with_stdin }
    }
}

impl Config {
    /// Refuses flags that do not go together.
    ///
    /// # Errors
    /// Says which flag to leave out, or what to add.
    pub fn checked(&self) -> Result<(), String> {
        let (model, workers) = (self.model.name(), self.workers());
        if self.workers.is_some() && self.model == Model::AsyncViews {
            return Err("--workers counts event loops that are shared, and async-views makes one for each \
                        request: leave it out, or add --model offload"
                .into());
        }
        match self.blocking_threads {
            Some(_) if self.model != Model::Offload => Err(format!(
                "--blocking-threads sizes a pool beside the event loops, and {model} has none: leave it out, or \
                 add --model offload"
            )),
            Some(threads) if !threads.is_multiple_of(workers) => Err(format!(
                "--blocking-threads {threads} cannot be shared out evenly among {workers} workers: take a \
                 multiple of {workers}, or add --workers 1"
            )),
            _ => Ok(()),
        }
    }

    /// Event loops of an async host.
    fn workers(&self) -> u16 {
        self.workers.unwrap_or_else(cpus)
    }

    /// Threads in the pool of each worker.
    fn blocking_threads_per_worker(&self) -> u16 {
        (self.blocking_threads.unwrap_or(BLOCKING_THREADS) / self.workers()).max(1)
    }

    /// What the blocking server is told where it is the host, and its client wherever its views run.
    pub(crate) fn for_blocking(&self) -> blocking_server::config::Config {
        blocking_server::config::Config {
            port: self.port,
            model: blocking_server::config::Model::ThreadPerRequest,
            upstream: self.upstream.blocking.clone(),
            upstream_timeout: self.upstream_timeout,
            access_log: self.access_log,
            grace: self.grace,
            ..Default::default()
        }
    }

    /// What the async server is told where it is the host, and its client wherever its views run.
    pub(crate) fn for_async(&self) -> async_server::config::Config {
        async_server::config::Config {
            port: self.port,
            model: async_server::config::Model::EventLoop,
            workers: self.workers(),
            blocking_threads_per_worker: self.blocking_threads_per_worker().into(),
            upstream: self.upstream.r#async.clone(),
            upstream_timeout: self.upstream_timeout,
            access_log: self.access_log,
            grace: self.grace,
            ..Default::default()
        }
    }
}

impl Default for Config {
    /// The defaults of the flags.
    fn default() -> Self {
        Args::parse_from(["bridges"]).config
    }
}

impl Model {
    /// As on the command line.
    pub fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

impl FromStr for Upstream {
    type Err = String;

    /// Asks the name service, and waits for it: to be called before there is an event loop.
    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self { blocking: text.parse()?, r#async: text.parse()? })
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
    let max_body_kib = handlers::MAX_BODY_BYTES / 1024;
    format!(
        "Limits:
  on clients        those of the host: `blocking-server --help` for async-views, `async-server --help` for
                    the other two; a request body of at most {max_body_kib} KiB
  requests at once  async-views: the limits on threads, and 6 descriptors each
                    offload: {BLOCKING_THREADS} threads, and a queue without a bound
                    blocked-loop: one a worker
  to the upstream   async-views: nothing is kept, for a connection ends with the loop that opened it

Try it:
  bridges --model blocked-loop --workers 1 &
  curl -s http://127.0.0.1:8004/wait/3000 & curl -w '%{{time_total}} s\\n' http://127.0.0.1:8004/hello
  # and with --model offload"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(flags: &[&str]) -> Result<Config, String> {
        let args = Args::try_parse_from([&["bridges"], flags].concat()).map_err(|error| error.to_string())?;
        args.checked().map(|()| args.config)
    }

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
        Config::default().checked().unwrap();
    }

    #[test]
    fn each_worker_has_an_equal_share_of_the_pool() {
        let share = |flags: &[&str]| {
            let flags = [&["--model", "offload"], flags].concat();
            read(&flags).map(|config| config.for_async().blocking_threads_per_worker)
        };
        assert_eq!(share(&["--workers", "1", "--blocking-threads", "5"]), Ok(5));
        assert_eq!(share(&["--workers", "2", "--blocking-threads", "6"]), Ok(3));
        assert!(share(&["--workers", "2", "--blocking-threads", "5"]).unwrap_err().contains("--workers 1"));
        assert_eq!(share(&["--workers", "1"]), Ok(512));
        assert_eq!(share(&["--workers", "3"]), Ok(170));
        assert_eq!(share(&["--workers", "512"]), Ok(1));
    }

    #[test]
    fn flags_that_do_not_fit_the_model_are_refused() {
        for (flags, what) in [
            (&["--workers", "2"][..], "makes one for each request"),
            (&["--blocking-threads", "8"], "async-views has none"),
            (&["--model", "blocked-loop", "--blocking-threads", "8"], "blocked-loop has none"),
            (&["--model", "offload", "--no-supervisor"], "--no-supervisor is for async-views"),
        ] {
            let wrong = read(flags).unwrap_err();
            assert!(wrong.contains(what), "{wrong}");
        }
        read(&["--no-supervisor"]).unwrap();
    }
}
