//! What a server said that the system refused it. Nobody outside sees that a thread could not be made or a
//! connection not be taken; but servers say so, and their words for it are the system's.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts lines of a server's standard error, as they come: only the last ones are kept.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    threads: AtomicU64,
    files: AtomicU64,
    memory: AtomicU64,
}

/// How many lines spoke of what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) threads: u64,
    pub(crate) files: u64,
    pub(crate) memory: u64,
}

impl Refusals {
    /// A line counts once, for what it speaks of first here.
    pub(crate) fn hear(&self, line: &str) {
        let kinds = [(&THREADS[..], &self.threads), (&FILES, &self.files), (&MEMORY, &self.memory)];
        let said = |words: &[&str]| words.iter().any(|words| line.contains(words));
        if let Some((_, counter)) = kinds.iter().find(|(words, _)| said(words)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// So far.
    pub(crate) fn counted(&self) -> Refused {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Refused { threads: of(&self.threads), files: of(&self.files), memory: of(&self.memory) }
    }
}

/// The bare rungs, the standard library, and EAGAIN.
const THREADS: [&str; 3] = ["no thread for a", "failed to spawn thread", "Resource temporarily unavailable"];
/// EMFILE, and ENFILE.
const FILES: [&str; 1] = ["Too many open files"];
/// The standard library, and ENOMEM.
const MEMORY: [&str; 2] = ["memory allocation of", "Cannot allocate memory"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_say_what_they_were_refused() {
        let refusals = Refusals::default();
        for line in [
            "warning: no thread for a connection: Resource temporarily unavailable (os error 11)",
            "failed to spawn thread: Os { code: 11, kind: WouldBlock, message: \"Resource temporarily unavailable\" }",
            "failed to spawn thread: Os { code: 12, kind: OutOfMemory, message: \"Cannot allocate memory\" }",
            "error: error accepting connection: Too many open files (os error 24)",
            "memory allocation of 65536 bytes failed",
            "thread 'main' panicked at library/std/src/thread/mod.rs:729:29:",
            "GET /hello 200",
        ] {
            refusals.hear(line);
        }
        assert_eq!(refusals.counted(), Refused { threads: 3, files: 1, memory: 1 });
    }
}
