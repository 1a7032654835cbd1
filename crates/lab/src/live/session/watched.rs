//! Presets, level by level, and what is kept of what was seen.

use crate::cpus::Split;
use crate::live::course::{Course, MEASURE, Step};
use crate::live::frame::Kept;
use crate::live::http::Hub;
use crate::live::keep;
use crate::live::lane::Lane;
use crate::live::presets::Preset;
use crate::live::session::Session;
use crate::results::{Trial, TrialOutcome};

impl Session {
    pub(super) fn begin(&mut self, name: &str, guesses: [Option<f64>; 2], hub: &Hub) {
        let Some(preset) = Preset::named(name, &self.around.limits) else { return };
        self.trials.clear();
        let collapsed = self.sides.iter().any(|side| side.collapsed || side.lane.is_none());
        let fresh = collapsed && !preset.settings.need_fresh_processes(&self.settings);
        let mut course = Course::new(preset, guesses);
        self.on = true;
        self.set(course.preset.settings.clone(), hub);
        if fresh {
            self.start_afresh(hub);
            self.load();
        }
        course.begin_level();
        self.course = Some(course);
        self.stall_for_level();
    }

    /// A preset, one step on.
    pub(super) fn go_on(&mut self, hub: &Hub) {
        let Some(mut course) = self.course.take() else { return };
        match course.step() {
            Step::Wait => {}
            Step::Mark => self.each(Lane::mark),
            Step::Measured => {
                self.measured(&mut course);
                let both_gone = self.sides.iter().all(|side| side.collapsed);
                if !both_gone && course.next() {
                    self.set(self.settings.at(course.level()), hub);
                    self.course = Some(course);
                    self.stall_for_level();
                    return;
                }
                course.end();
                self.on = false;
                self.load();
            }
        }
        self.course = Some(course);
    }

    fn measured(&mut self, course: &mut Course) {
        for (place, side) in self.sides.iter_mut().enumerate() {
            let Some(lane) = &mut side.lane else { continue };
            if side.collapsed {
                if course.add_collapse(place) {
                    self.trials.push(lane.wreck(self.begun_ns));
                }
                continue;
            }
            match lane.take(self.begun_ns) {
                Ok(Some(trial)) => {
                    let last = lane.collected.last().cloned().unwrap_or_default();
                    let rps = trial.throughput_rps.unwrap_or_default();
                    let around = lane.around(MEASURE.as_secs_f64(), self.machine_busy);
                    course.add(place, rps, &last, &side.line, around);
                    self.trials.push(trial);
                }
                Ok(None) => {}
                Err(error) => self.note = Some(format!("{error:#}")),
            }
        }
    }

    fn stall_for_level(&mut self) {
        let stall_ms = self.course.as_ref().map_or(0, |course| course.preset.stall_ms);
        if stall_ms > 0 {
            self.each(|lane| lane.stall(stall_ms));
        }
    }

    pub(super) fn end_course(&mut self) {
        if let Some(course) = self.course.as_mut().filter(|course| !course.is_over()) {
            course.end();
        }
    }

    /// What was just seen: the levels of the last preset, or the stretch since the last change.
    pub(super) fn keep(&mut self) {
        let course = self.course.as_ref().filter(|_| !self.trials.is_empty());
        let (preset, settings) = match course {
            Some(course) => (Some(course.preset.name), course.preset.settings.clone()),
            None => (None, self.settings.clone()),
        };
        let mut trials = self.trials.clone();
        if course.is_none() {
            for side in &mut self.sides {
                let Some(lane) = &mut side.lane else { continue };
                let taken = if side.collapsed {
                    Ok(Some(lane.wreck(self.begun_ns)))
                } else {
                    lane.take(self.begun_ns)
                };
                // Of a pause there is nothing to keep.
                let seen = |trial: &Trial| trial.scheduled > 0 || trial.outcome == TrialOutcome::Collapsed;
                trials.extend(taken.ok().flatten().filter(seen));
            }
        }
        if trials.is_empty() {
            self.note = Some("There is nothing to keep yet: start the load first.".into());
            return;
        }
        let count = trials.len();
        let nth = self.kept.as_ref().map_or(0, |kept| kept.nth) + 1;
        let dir = self.around.out.as_ref().map(|out| out.join(nth.to_string()));
        let split = together(&self.splits);
        let seen = keep::Seen { trials, preset, settings: &settings, split, dir };
        match keep::write(seen, &self.around.programs, &self.around.limits) {
            Ok(dir) => {
                self.kept = Some(Kept { nth, dir: dir.display().to_string(), trials: count });
            }
            Err(error) => self.note = Some(format!("It could not be kept: {error:#}")),
        }
    }
}

/// The CPUs of both servers, and those of everything else.
fn together(splits: &[Option<Split>; 2]) -> Option<Split> {
    let [Some(one), Some(other)] = splits else { return None };
    let mut server = [one.server.as_slice(), &other.server].concat();
    server.sort_unstable();
    Some(Split { server, ..one.clone() })
}
