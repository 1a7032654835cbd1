//! Everything that the page shows, four times a second, as one JSON object.

use serde::Serialize;

use crate::live::collect::Sample;
use crate::live::course::Shown;
use crate::live::line::Line;
use crate::live::most::Most;
use crate::live::settings::Settings;
use crate::live::threads::Seen;

/// A moment of the session.
#[derive(Debug, Serialize)]
pub(super) struct Frame<'s> {
    /// From the start of the session.
    pub(super) t_ms: u64,
    /// Whether there is load.
    pub(super) on: bool,
    /// Why something is not as it was asked for, in a sentence.
    pub(super) note: Option<&'s str>,
    pub(super) settings: &'s Settings,
    pub(super) most: &'s Most,
    /// Every rung on offer, in the order of the ladder, with its colour.
    pub(super) colors: &'s Colors,
    pub(super) lanes: [Lane<'s>; 2],
    pub(super) course: Option<Shown<'s>>,
    pub(super) kept: Option<&'s Kept>,
}

/// Name of a colour by name of a rung; a list, since the order counts.
#[derive(Debug)]
pub(super) struct Colors(pub(super) Vec<(&'static str, &'static str)>);

impl Serialize for Colors {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

/// One lane of it.
#[derive(Debug, Serialize)]
pub(super) struct Lane<'s> {
    pub(super) rung: &'s str,
    /// Name of its colour.
    pub(super) color: &'static str,
    /// Where its requests wait.
    pub(super) waits: &'static str,
    pub(super) state: State,
    /// What ran out when it collapsed, in brief.
    pub(super) collapsed: Option<&'s str>,
    /// Why it does not run.
    pub(super) reason: Option<&'s str>,
    pub(super) now: Option<&'s Sample>,
    pub(super) line: Option<&'s Line>,
    /// What ran out, where it is below its line.
    pub(super) ran_out: Option<&'s str>,
    pub(super) threads: Option<Seen>,
    /// Left of a stall of the services behind.
    pub(super) stalled_ms: u64,
}

/// How a lane is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    Starting,
    Up,
    /// The server is gone, or deaf: a result.
    Collapsed,
    /// Something around it is: nothing can be said of the server.
    Failed,
}

/// What was kept last.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Kept {
    /// Counts what was kept, so that a page knows a new one.
    pub(super) nth: u32,
    pub(super) dir: String,
    pub(super) trials: usize,
}

/// The last minute, for a page that has just come.
#[derive(Debug, Serialize)]
pub(super) struct Past {
    pub(super) lanes: [Vec<Sample>; 2],
}
