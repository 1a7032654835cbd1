//! What the page gets to see: the whole state, as a frame.

use loadgen::clock::monotonic_ns;

use crate::ladder::{self, Rung};
use crate::live::course::Course;
use crate::live::frame::{self, Frame, Past, State};
use crate::live::hub::Hub;
use crate::live::lane::Lane;
use crate::live::session::{FRAMES_PER_SECOND, Session, Side};
use crate::report;

impl Session {
    pub(super) fn publish(&mut self, hub: &Hub) {
        let lanes = [0, 1].map(|place| self.shown(place));
        let frame = Frame {
            t_ms: monotonic_ns().saturating_sub(self.begun_ns) / 1_000_000,
            on: self.on,
            note: self.note.as_deref(),
            settings: &self.settings,
            most: &self.most,
            colors: &self.colors,
            lanes,
            course: self.course.as_ref().map(Course::shown),
            kept: self.kept.as_ref(),
        };
        // Numbers and texts only: they always serialise.
        let text = |value: Result<String, serde_json::Error>| value.unwrap_or_else(|_| "null".into());
        hub.shows(&self.settings.rungs);
        hub.publish(text(serde_json::to_string(&frame)));
        // A minute is long, and a page that comes misses no more than a second of it.
        if self.frames.is_multiple_of(FRAMES_PER_SECOND) {
            let past =
                |side: &Side| side.lane.iter().flat_map(|lane| lane.collected.past()).cloned().collect();
            let past = Past { lanes: self.sides.each_ref().map(past) };
            hub.remember(text(serde_json::to_string(&past)));
        }
        self.frames += 1;
    }

    fn shown(&self, place: usize) -> frame::Lane<'_> {
        let side = &self.sides[place];
        let name = &self.settings.rungs[place];
        let rung = ladder::rung(name).ok();
        let lane = side.lane.as_ref();
        let up = lane.filter(|_| side.down.is_none());
        let state = match (&side.down, lane) {
            (Some(down), _) if down.collapsed.is_some() => State::Collapsed,
            (Some(_), _) => State::Failed,
            (None, Some(_)) => State::Up,
            (None, None) => State::Starting,
        };
        frame::Lane {
            rung: name,
            color: report::color_of(name, rung.map(|rung| rung.kind)),
            waits: rung.map_or("", |rung: &'static Rung| rung.waits),
            state,
            collapsed: side.collapsed(),
            reason: side.down.as_ref().map(|down| &*down.why),
            now: up.and_then(|lane| lane.collected.last()),
            line: up.map(|lane| &lane.line),
            // Before all clients are there, too little is asked for to say so.
            ran_out: up.filter(|_| self.has_settled()).and_then(|lane| lane.line.ran_out.as_deref()),
            threads: up.map(Lane::threads),
            stalled_ms: up.map_or(0, Lane::stalled_ms),
        }
    }
}
