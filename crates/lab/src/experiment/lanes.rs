//! The requests of an experiment that are recorded one by one, for the picture of lanes at the top of a report.

use handlers::Route;
use serde::Deserialize;

use super::number::within;
use super::{Experiment, Positive};

/// The `lanes` table: a short trial of its own, once for each rung, before those that are measured.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table such as { requests = 20 }")]
pub struct Lanes {
    /// Sent at the same moment, each by a client of its own.
    #[serde(deserialize_with = "within::<_, 2, 50>")]
    pub requests: u64,
    /// Delays of the services times this, where that makes them shorter than the experiment has them.
    pub time_scale: Option<Positive>,
}

impl Experiment {
    pub(super) fn check_lanes(&self) -> anyhow::Result<()> {
        let streams = matches!(self.route.route, Route::Live | Route::Stream { .. });
        if self.lanes.is_some() && streams {
            anyhow::bail!(
                "lanes: the view of {} is over before its waiting begins; ask for what waits in its view, such as /wait/100",
                self.route.text
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(route: &str, lanes: &str) -> Result<Experiment, String> {
        let text = format!(
            r#"
title = "t"
question = "q"
expect = "e"
route = "{route}"
blocks = 1
warm_up_ms = 100
window_ms = 500
{lanes}
rungs = [{{ rung = "event-loop" }}]
loads = [{{ route = "/hello", closed = {{ clients = [1] }} }}]
"#
        );
        Experiment::parse("mine", "mine.toml", &text).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn lanes_are_asked_for_or_not() {
        assert!(parse("/wait/100", "").unwrap().lanes.is_none());
        let lanes = parse("/wait/100", "lanes = { requests = 20 }").unwrap().lanes.unwrap();
        assert_eq!((lanes.requests, lanes.time_scale), (20, None));
        assert_eq!(Experiment::find("lecture").unwrap().lanes.unwrap().requests, 20, "as in the lecture");
    }

    #[test]
    fn what_makes_no_picture_is_refused_with_what_does() {
        for (route, lanes, expected) in [
            ("/wait/100", "lanes = { requests = 1 }", "1 is not within 2 to 50"),
            ("/wait/100", "lanes = { requests = 51 }", "51 is not within 2 to 50"),
            ("/wait/100", "lanes = {}", "missing key `requests`"),
            ("/wait/100", "lanes = { requests = 2, time_scale = 0 }", "over 0"),
            ("/wait/100", "lanes = { requests = 2, clients = 2 }", "unknown key `clients`"),
            ("/wait/100", "lanes = true", "a table such as { requests = 20 }"),
            (
                "/stream/10/100",
                "lanes = { requests = 2 }",
                "mine.toml makes no sense at line 9: lanes: the view of /stream/10/100",
            ),
            ("/stream/10/100", "lanes = { requests = 2 }", "such as /wait/100"),
        ] {
            let error = parse(route, lanes).err().unwrap_or_else(|| panic!("{lanes} was taken"));
            assert!(error.contains(expected), "{lanes}: {error}");
        }
    }
}
