//! Requests that were recorded one by one, put on the threads that carried them: how many threads that took, for how
//! long those ran and for how long they were parked, and what it comes to in words.
//!
//! Whether a thread waits *with* its request is not looked up but seen. A thread that had one request at a time
//! stood still while that waited; one that had several at once did not, or it could not have entered the second.
//!
//! `charts/lanes.rs` draws it.

use crate::report::cells::Series;
use crate::report::text::{counted, ladder_place, listed, milliseconds};
use crate::results::{Carried, Lanes, Results};

/// What was recorded of one server.
#[derive(Debug)]
pub(crate) struct Recorded<'a> {
    pub(crate) series: Series,
    pub(crate) lanes: &'a Lanes,
    /// In the order in which they first carried a request.
    pub(crate) threads: Vec<Thread<'a>>,
}

/// A thread, and the requests that it carried, in the order in which it entered their views.
#[derive(Debug, Default)]
pub(crate) struct Thread<'a> {
    pub(crate) requests: Vec<Numbered<'a>>,
}

/// A request, with its place in the order of sending, from 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Numbered<'a> {
    pub(crate) number: usize,
    pub(crate) request: &'a Carried,
}

/// Every server of an experiment of which requests were recorded, in the order of the ladder.
pub(crate) fn of<'a>(results: &'a Results, experiment: &str) -> Vec<Recorded<'a>> {
    let mine = results.lanes.iter().filter(|lanes| lanes.experiment == experiment);
    let mut recorded: Vec<Recorded<'a>> =
        mine.filter(|lanes| !lanes.requests.is_empty()).map(Recorded::of).collect();
    recorded.sort_by_key(|recorded| ladder_place(&recorded.lanes.rung));
    recorded
}

/// What is not in the picture, and why; a sentence for the remarks of an experiment, if there is anything to say.
pub(crate) fn missing(results: &Results, experiment: &str) -> Option<String> {
    let of_experiment = |lanes: &&Lanes| lanes.experiment == experiment && lanes.requests.is_empty();
    let each = results.lanes.iter().filter(of_experiment).map(|lanes| {
        let why = lanes.failed.as_deref().unwrap_or("nothing is known of it");
        format!("{}, {}", series(lanes).named(), why.trim_end_matches('.'))
    });
    let each: Vec<String> = each.collect();
    let what = match of(results, experiment).is_empty() {
        true => "There is no picture of requests on their threads, since none could be recorded",
        false => "Not in the picture of requests on their threads",
    };
    (!each.is_empty()).then(|| format!("{what}: {}.", each.join("; ")))
}

/// One sentence: on how many threads each server had the requests, and what those did.
pub(crate) fn sentence(recorded: &[Recorded<'_>]) -> String {
    let each: Vec<String> = recorded.iter().map(Recorded::in_words).collect();
    format!("{}.", each.join("; "))
}

impl<'a> Recorded<'a> {
    fn of(lanes: &'a Lanes) -> Self {
        let numbered = lanes.requests.iter().zip(1..);
        let mut requests: Vec<Numbered<'a>> =
            numbered.map(|(request, number)| Numbered { number, request }).collect();
        requests.sort_by(|a, b| a.request.entered_ms.total_cmp(&b.request.entered_ms));
        let mut numbers: Vec<u64> = Vec::new();
        let mut threads: Vec<Thread<'a>> = Vec::new();
        for one in requests {
            let place =
                numbers.iter().position(|number| *number == one.request.thread).unwrap_or_else(|| {
                    numbers.push(one.request.thread);
                    threads.push(Thread::default());
                    threads.len() - 1
                });
            threads[place].requests.push(one);
        }
        Self { series: series(lanes), lanes, threads }
    }

    /// CPU time of the views.
    pub(crate) fn ran_ms(&self) -> f64 {
        self.lanes.requests.iter().map(Carried::ran_for_ms).sum()
    }

    /// For how long threads stood still with a request; `None` where they did not wait with theirs.
    pub(crate) fn parked_ms(&self) -> Option<f64> {
        let each_its_own = self.threads.iter().all(Thread::has_one_at_a_time);
        let parked = self.lanes.requests.iter().map(|one| one.in_view_ms() - one.ran_for_ms());
        each_its_own.then(|| parked.sum())
    }

    /// The most requests that one thread carried.
    pub(crate) fn rounds(&self) -> usize {
        self.threads.iter().map(|thread| thread.requests.len()).max().unwrap_or(0)
    }

    /// When the last of them was answered.
    pub(crate) fn last(&self) -> Option<Numbered<'a>> {
        let all = self.threads.iter().flat_map(|thread| &thread.requests).copied();
        all.max_by(|a, b| a.request.answered_ms.total_cmp(&b.request.answered_ms))
    }

    /// `5 threads, 4 rounds`
    pub(crate) fn in_brief(&self) -> String {
        let threads = counted(self.threads.len() as u64, "thread");
        let most = self.rounds() as u64;
        let at_once = self.threads.iter().map(Thread::most_at_once).max().unwrap_or(0);
        match (self.parked_ms(), most) {
            (None, _) if at_once == self.lanes.requests.len() => format!("{threads}, all at once"),
            (None, _) => format!("{threads}, up to {at_once} at once"),
            (Some(_), 1) => format!("{threads}, one request each"),
            (Some(_), _) if self.threads.len() == 1 => format!("{threads}, one after the other"),
            (Some(_), rounds) => format!("{threads}, {}", counted(rounds, "round")),
        }
    }

    /// `4 rounds`: how requests share threads, for where the threads are seen.
    pub(crate) fn in_short(&self) -> String {
        match (self.parked_ms(), self.rounds() as u64, self.threads.len()) {
            (None, _, 1) => "one thread for all".into(),
            (None, _, threads) => format!("{threads} threads for all"),
            (Some(_), 1, _) => "a thread for each".into(),
            (Some(_), _, 1) => "one after the other".into(),
            (Some(_), rounds, _) => counted(rounds, "round"),
        }
    }

    fn in_words(&self) -> String {
        let requests = counted(self.lanes.requests.len() as u64, "request");
        let ran = milliseconds(self.ran_ms());
        let was = if self.threads.len() == 1 { "was" } else { "were" };
        let how = match self.parked_ms() {
            Some(parked) => {
                format!("ran for {ran} and {was} parked for {} in all", milliseconds(parked.max(0.0)))
            }
            None => format!("ran for {ran} in all and {was} parked in none"),
        };
        let last = self.last().map_or(0.0, |last| last.request.answered_ms);
        let (who, brief) = (self.series.named(), self.in_brief());
        format!("{who}: {requests} on {brief}, which {how}, the last answered after {}", milliseconds(last))
    }
}

impl Thread<'_> {
    fn has_one_at_a_time(&self) -> bool {
        self.most_at_once() <= 1
    }

    /// How many views it was in at the same time.
    fn most_at_once(&self) -> usize {
        let at = |moment: f64| {
            let there =
                |one: &&Numbered<'_>| one.request.entered_ms <= moment && moment < one.request.left_ms;
            self.requests.iter().filter(there).count()
        };
        let most = self.requests.iter().map(|one| at(one.request.entered_ms)).max();
        // A view that took no time that could be told was there all the same.
        most.unwrap_or(0).max(usize::from(!self.requests.is_empty()))
    }
}

impl Carried {
    pub(crate) fn in_line_ms(&self) -> f64 {
        (self.entered_ms - self.sent_ms).max(0.0)
    }

    pub(crate) fn in_view_ms(&self) -> f64 {
        (self.left_ms - self.entered_ms).max(0.0)
    }

    pub(crate) fn ran_for_ms(&self) -> f64 {
        self.ran_ms.iter().map(|(from, to)| (to - from).max(0.0)).sum()
    }
}

/// Says so where services took another time than they are known for.
pub(crate) fn shortened(recorded: &[Recorded<'_>]) -> Option<String> {
    let mut scales: Vec<String> = recorded
        .iter()
        .filter_map(|one| one.lanes.time_scale)
        .filter(|scale| *scale != 1.0)
        .map(|scale| format!("{scale}"))
        .collect();
    scales.dedup();
    (!scales.is_empty())
        .then(|| format!("For the recording all delays of the services were scaled by {}.", listed(&scales)))
}

fn series(lanes: &Lanes) -> Series {
    Series { rung: lanes.rung.clone(), variant: lanes.variant.clone() }
}
