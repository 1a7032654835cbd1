//! Presets, level by level, and what is kept of what was seen.

use std::path::PathBuf;

use crate::live::course::{Course, Step};
use crate::live::frame::Kept;
use crate::live::hub::Hub;
use crate::live::keep;
use crate::live::lane::Lane;
use crate::live::presets::Preset;
use crate::live::session::Session;
use crate::results::{Asked, Trial, TrialOutcome};

impl Session {
    pub(super) fn begin(&mut self, name: &str, guesses: [Option<f64>; 2], hub: &Hub) {
        let Some(preset) = Preset::named(name, &self.around.limits) else { return };
        let down = self.sides.iter().any(|side| side.down.is_some());
        let fresh = down && !preset.settings.need_fresh_processes(&self.settings);
        let mut course = Course::new(preset, guesses);
        (self.course, self.on) = (None, true);
        self.set(course.preset.settings.clone(), hub);
        if fresh {
            self.start_afresh(hub);
            self.load();
        }
        course.begin_level();
        self.seen = Some(keep::Seen { trials: Vec::new(), asked: Asked::default(), rungs: self.rungs() });
        self.course = Some(course);
    }

    /// A preset, one step on.
    pub(super) fn go_on(&mut self, hub: &Hub) {
        let Some(mut course) = self.course.take() else { return };
        match course.step() {
            Step::Wait => {}
            Step::Mark => {
                self.each(Lane::mark);
                let stall_ms = course.preset.stall_ms;
                if stall_ms > 0 {
                    self.each(|lane| lane.stall(stall_ms));
                }
            }
            Step::Measured => {
                self.measured(&mut course);
                let any_left = self.sides.iter().any(|side| side.down.is_none());
                if any_left && course.next() {
                    self.set(self.settings.at(course.level()), hub);
                    course.begin_level();
                } else {
                    course.end();
                    self.on = false;
                    self.load();
                }
            }
        }
        self.course = Some(course);
    }

    fn measured(&mut self, course: &mut Course) {
        let asked = self.asked(Some(&course.preset));
        let mut trials = Vec::new();
        for (place, side) in self.sides.iter_mut().enumerate() {
            let collapsed = side.collapsed().map(str::to_owned);
            if let Some((lane, brief)) = side.lane.as_mut().zip(collapsed) {
                if course.add_collapse(place, &brief) {
                    trials.push(lane.wreck(self.begun_ns));
                }
                continue;
            }
            let Some(lane) = side.up() else { continue };
            match lane.take(self.begun_ns) {
                Ok(Some(trial)) => {
                    let last_second = lane.collected.last().and_then(|last| last.p50_ms);
                    course.add(place, &trial, &lane.line_of(&trial), last_second);
                    trials.push(trial);
                }
                Ok(None) => {}
                Err(error) => self.note = Some(format!("{error:#}")),
            }
        }
        if let Some(seen) = &mut self.seen {
            seen.asked = asked;
            seen.trials.extend(trials);
        }
    }

    pub(super) fn end_course(&mut self) {
        if let Some(course) = self.course.as_mut().filter(|course| !course.is_over()) {
            course.end();
        }
    }

    /// What both lanes did since the last change of the load; nothing before all clients were there, and of a pause.
    pub(super) fn stretch(&mut self) -> Option<keep::Seen> {
        let asked = self.asked(None);
        let mut trials = Vec::new();
        for side in &mut self.sides {
            let collapsed = side.collapsed().is_some();
            if let Some(lane) = side.lane.as_mut().filter(|_| collapsed) {
                trials.push(lane.wreck(self.begun_ns));
            } else if let Some(lane) = side.up().filter(|_| self.marked) {
                trials.extend(lane.take(self.begun_ns).ok().flatten());
            }
        }
        trials.retain(|trial: &Trial| trial.scheduled > 0 || trial.outcome == TrialOutcome::Collapsed);
        (!trials.is_empty()).then(|| keep::Seen { trials, asked, rungs: self.rungs() })
    }

    /// Writes what was just seen: the levels of the last preset, or the load that is on, or was before the pause.
    pub(super) fn keep(&mut self, hub: &Hub) {
        let seen = if self.seen.is_some() { self.seen.clone() } else { self.stretch() };
        let Some(seen) = seen.filter(|seen| !seen.trials.is_empty()) else {
            self.note = Some("There is nothing to keep yet: hold a load for a few seconds first.".into());
            return;
        };
        let trials = seen.trials.len();
        let nth = self.kept.as_ref().map_or(0, |kept| kept.nth) + 1;
        let unused = |out: &PathBuf| (1_u32..).map(|n| out.join(n.to_string())).find(|dir| !dir.exists());
        let dir = self.around.out.as_ref().and_then(unused);
        match keep::write(seen, &self.splits, dir.as_deref(), &self.around) {
            Ok(dir) => {
                self.kept = Some(Kept { nth, dir: dir.display().to_string(), trials });
                hub.keep(dir);
            }
            Err(error) => self.note = Some(format!("It could not be kept: {error:#}")),
        }
    }

    fn asked(&self, preset: Option<&Preset>) -> Asked {
        // One that runs knows what its services were told last.
        let up = self.sides.iter().filter(|side| side.down.is_none());
        let lane = up.chain(&self.sides).find_map(|side| side.lane.as_ref());
        let own_cpus = lane.and_then(Lane::cpus_of_its_own);
        keep::asked(&self.settings, preset, own_cpus, lane.map(Lane::troubles).unwrap_or_default())
    }

    fn rungs(&self) -> String {
        self.settings.rungs.join(" ")
    }
}
