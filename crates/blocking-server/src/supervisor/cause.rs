//! What a server died of: from how it ended, what it said, and the limits that it had.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use lifecycle::Excerpt;

/// What ran out. `Display` completes "The server …", and says what can be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cause {
    /// No descriptor for a connection.
    Files { soft_limit: Option<u64> },
    /// No descriptor in the whole system.
    SystemFiles,
    /// No thread for a request.
    Threads { soft_limit: Option<u64> },
    /// No memory.
    Memory { soft_limit_bytes: Option<u64> },
    /// Ended from outside, without a word. Under Linux that is also how the out-of-memory killer works.
    Killed,
    /// It lived, but its port refused connections.
    Deaf,
    /// Nothing of that.
    Unknown { status: ExitStatus },
}

impl Cause {
    pub(super) fn of(status: ExitStatus, is_deaf: bool, log: &Excerpt, limits: &Limits) -> Self {
        // What the system calls these errors, in C's locale, which Rust programs have unless they change it.
        let said = |what: &str| log.lines().any(|line| line.contains(what));
        if said("Too many open files in system") {
            Self::SystemFiles
        } else if said("Too many open files") {
            Self::Files { soft_limit: limits.files }
        } else if said("memory allocation of") || said("Cannot allocate memory") {
            Self::Memory { soft_limit_bytes: limits.address_space_bytes }
        } else if said("failed to spawn thread") || said("Resource temporarily unavailable") {
            Self::Threads { soft_limit: limits.processes }
        } else if is_deaf {
            Self::Deaf
        } else if status.signal() == Some(9) {
            Self::Killed
        } else {
            Self::Unknown { status }
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = |limit: &Option<u64>| match limit {
            Some(number) => number.to_string(),
            None => "not set, or not known".to_owned(),
        };
        match self {
            Self::Files { soft_limit } => write!(
                f,
                "ran out of file descriptors: its limit is {}, and each connection takes two. \
                 Raise it with `ulimit -n`",
                limit(soft_limit)
            ),
            Self::SystemFiles => {
                f.write_str("ran out of file descriptors: the whole system has no more. See `fs.file-max`")
            }
            Self::Threads { soft_limit } => write!(
                f,
                "ran out of threads: its limit is {}, and a connection takes one, a request another. Look at \
                 `ulimit -u` and `ulimit -v`, at the control group's pids.max, and at `kernel.threads-max` and \
                 `vm.max_map_count`",
                limit(soft_limit)
            ),
            Self::Memory { soft_limit_bytes } => write!(
                f,
                "ran out of memory: its limit of address space, in bytes, is {}. Look at `ulimit -v`, and at \
                 what else runs here",
                limit(soft_limit_bytes)
            ),
            Self::Killed => f.write_str(
                "was killed from outside; if by nobody, then by the kernel when memory ran out, and its log says so",
            ),
            Self::Deaf => f.write_str("was alive, but refused connections, and was ended"),
            Self::Unknown { status } => write!(f, "ended with {status}; the lines above say why, if it did"),
        }
    }
}

/// The limits of a process that matter here. `None`: there is none, or this system does not tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Limits {
    files: Option<u64>,
    processes: Option<u64>,
    address_space_bytes: Option<u64>,
}

impl Limits {
    /// To be asked while it lives: Linux shows them under `/proc`.
    pub(super) fn of(pid: u32) -> Self {
        std::fs::read_to_string(format!("/proc/{pid}/limits"))
            .map_or_else(|_| Self::default(), |text| Self::parse(&text))
    }

    fn parse(text: &str) -> Self {
        let soft = |name: &str| {
            let row = text.lines().find_map(|line| line.strip_prefix(name))?;
            row.split_whitespace().next()?.parse().ok()
        };
        Self {
            files: soft("Max open files"),
            processes: soft("Max processes"),
            address_space_bytes: soft("Max address space"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { files: Some(127), processes: None, address_space_bytes: Some(1 << 30) };

    /// As `wait` gives them: exit codes in the second byte, signals in the first.
    fn cause(wait_status: i32, is_deaf: bool, lines: &[&str]) -> Cause {
        Cause::of(ExitStatus::from_raw(wait_status), is_deaf, &lines.iter().copied().collect(), &LIMITS)
    }

    #[test]
    fn what_a_server_said_last_names_what_ran_out() {
        let accept = "error: Error accepting new client: Too many open files (os error 24)";
        let clone = "called `Result::unwrap()` on an `Err` value: Os { code: 24, kind: Uncategorized, message: \"Too many open files\" }";
        let spawn = "failed to spawn thread: Os { code: 11, kind: WouldBlock, message: \"Resource temporarily unavailable\" }";
        let abort = "memory allocation of 29999998976 bytes failed";
        let files = Cause::Files { soft_limit: Some(127) };
        assert_eq!(
            cause(1 << 8, false, &[accept, "error: rouille has stopped accepting connections"]),
            files
        );
        assert_eq!(cause(1 << 8, false, &["thread '<unnamed>' panicked at tiny_http:", clone, ""]), files);
        assert_eq!(cause(1 << 8, false, &[spawn]), Cause::Threads { soft_limit: None });
        assert_eq!(cause(6, false, &[abort]), Cause::Memory { soft_limit_bytes: Some(1 << 30) });
        assert_eq!(cause(9, true, &[]), Cause::Deaf);
        assert_eq!(cause(9, false, &["GET /hello 200"]), Cause::Killed);
        assert_eq!(cause(3 << 8, false, &[]), Cause::Unknown { status: ExitStatus::from_raw(3 << 8) });
    }

    #[test]
    fn the_sentence_has_the_limit_and_the_remedy() {
        let files = Cause::Files { soft_limit: Some(127) }.to_string();
        assert!(files.contains("127") && files.contains("ulimit -n"), "{files}");
        let threads = Cause::Threads { soft_limit: None }.to_string();
        assert!(threads.contains("not known") && threads.contains("pids.max"), "{threads}");
    }

    #[test]
    fn limits_are_read_as_linux_writes_them() {
        let text = "Limit                     Soft Limit           Hard Limit           Units     \n\
                    Max processes             unlimited            unlimited            processes \n\
                    Max open files            127                  1024                 files     \n\
                    Max address space         1073741824           unlimited            bytes     \n";
        assert_eq!(Limits::parse(text), LIMITS);
        assert_eq!(Limits::parse("nothing of that"), Limits::default());
    }
}
