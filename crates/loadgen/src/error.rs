//! Why a run could not be made.

use std::io;

/// Each message is one sentence that says what is wrong and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The spec asks for something impossible.
    #[error("{0}")]
    Spec(String),
    /// The system refused something that the generator needs for itself.
    #[error("the load generator could not {what}: {source}")]
    System {
        /// In the form "start a thread".
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A request was lost from the count: a bug of the generator, and no figure of the run can be used.
    #[error(
        "the books do not balance: {scheduled} scheduled, but {resolved} completed, failed, timed out or \
         unsent; this is a bug in the load generator, please report it with the spec"
    )]
    Books {
        /// What was to be done.
        scheduled: u64,
        /// What became of it.
        resolved: u64,
    },
    /// A thread of the generator panicked; what it said is on standard error.
    #[error("a thread of the load generator panicked; its message is on standard error")]
    Panicked,
}
