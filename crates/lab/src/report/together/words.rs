//! What the figures of several runs say, in sentences; and all of it for the terminal.

use crate::report::findings::compared::shown;
use crate::report::text::{counted, listed, wrapped};
use crate::report::together::figures::{self, Figure, Figures};
use crate::report::together::forest::{self, Forest};
use crate::report::together::{Run, Shared, Together, agreement, settings};
use crate::stats::Reading;

/// So many of the largest differences are said of each run.
const FARTHEST: usize = 3;

/// From so many runs on, a sentence about each would bury the rest: a table has them.
const MANY_RUNS: usize = 5;

/// An experiment, read.
pub(super) struct Read<'s> {
    pub(super) shared: &'s Shared<'s>,
    pub(super) figures: Figures<'s>,
    pub(super) forest: Option<Forest<'s>>,
}

impl<'s> Read<'s> {
    pub(super) fn of(shared: &'s Shared<'s>) -> Self {
        Self { shared, figures: figures::of(shared), forest: forest::of(shared) }
    }

    /// What comes first: run by run, how many figures differ and which most; then the main ratio.
    pub(super) fn headlines(&self) -> Vec<String> {
        let Some((first, others)) = self.shared.sides.split_first() else { return Vec::new() };
        let mut said = Vec::new();
        if others.len() >= MANY_RUNS {
            let own: Vec<&Figure<'_>> = self.figures.all.iter().collect();
            said.extend(
                (!own.is_empty()).then(|| {
                    format!("All {} runs against {}: {}.", others.len(), first.run.name, counts(&own))
                }),
            );
        } else {
            said.extend(others.iter().filter_map(|other| self.headline(&other.run.name, &first.run.name)));
        }
        said.extend(self.forest.as_ref().map(Forest::sentence));
        said
    }

    fn headline(&self, run: &str, first: &str) -> Option<String> {
        let own: Vec<&Figure<'_>> = self.of_run(run);
        if own.is_empty() {
            return None;
        }
        let mut differ: Vec<&&Figure<'_>> = own
            .iter()
            .filter(|figure| matches!(figure.reading, Reading::Larger | Reading::Smaller))
            .collect();
        differ.sort_by(|a, b| b.distance().total_cmp(&a.distance()));
        let farthest: Vec<String> = differ
            .iter()
            .take(FARTHEST)
            .map(|figure| format!("{}, {}", figure.what(), figure.said))
            .collect();
        let farthest = match farthest.as_slice() {
            [] => String::new(),
            [one] if differ.len() == 1 => format!(" It is {one}."),
            some => format!(" Most: {}.", some.join("; ")),
        };
        Some(format!("{run} against {first}: {}.{farthest}", counts(&own)))
    }

    pub(super) fn of_run(&self, run: &str) -> Vec<&Figure<'s>> {
        self.figures.all.iter().filter(|figure| figure.run == run).collect()
    }
}

/// `of 24 figures 3 are larger and 2 smaller; 10 are equal within 5 %, and for 9 no difference is shown`
fn counts(figures: &[&Figure<'_>]) -> String {
    let of = |reading: Reading| figures.iter().filter(|figure| figure.reading == reading).count();
    let (larger, smaller) = (of(Reading::Larger), of(Reading::Smaller));
    let (equal, none, few) = (of(Reading::Equal), of(Reading::NoDifferenceShown), of(Reading::PointsOnly));
    let all = counted(figures.len() as u64, "figure");
    if few == figures.len() {
        return format!(
            "{all}, all points of fewer than five blocks, which show neither a difference nor equality"
        );
    }
    let differ = match larger + smaller {
        0 => "none is shown to differ".to_owned(),
        _ => {
            let parts = [(larger, "larger"), (smaller, "smaller")];
            let parts = parts.into_iter().filter(|(number, _)| *number > 0);
            let parts: Vec<String> = parts.map(|(number, how)| format!("{number} {how}")).collect();
            format!("differ: {}", listed(&parts))
        }
    };
    let rest: Vec<String> = [
        (equal, "equal within 5 %"),
        (none, "with no difference shown"),
        (few, "points, of fewer than five blocks"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, how)| format!("{number} {how}"))
    .collect();
    let rest = if rest.is_empty() { String::new() } else { format!("; {}", listed(&rest)) };
    format!("of {all} {differ}{rest}")
}

/// The settings in a sentence, where there is nothing to list.
pub(super) fn no_setting_differs(runs: &[Run]) -> String {
    let all = if runs.len() == 2 { "both".to_owned() } else { format!("all {}", runs.len()) };
    format!("No setting differs: {all} runs were made with the same ones, on machines that look alike.")
}

/// What only one run has.
pub(super) fn alone(together: &Together<'_>) -> Option<String> {
    let each: Vec<String> = together.alone.iter().map(|(name, run)| format!("{name} ({run})")).collect();
    (!each.is_empty()).then(|| format!("Not compared, since only one run has it: {}.", listed(&each)))
}

/// What to know before reading on.
pub(super) fn cautions(runs: &[Run]) -> Vec<String> {
    let mut cautions = Vec::new();
    for (place, run) in runs.iter().enumerate() {
        let results = &run.results;
        let twin = runs[..place].iter().find(|other| {
            (&other.results.started, other.results.trials.len()) == (&results.started, results.trials.len())
                && other.results.trials == results.trials
        });
        cautions.extend(twin.map(|twin| {
            format!("{} and {} hold the same trials: one is a copy of the other.", twin.name, run.name)
        }));
        if !results.complete {
            cautions.push(format!("The run {} did not come to its end.", run.name));
        }
    }
    cautions
}

/// Everything but the charts, within `width` columns.
pub(super) fn summary(together: &Together<'_>, width: usize) -> String {
    let mut out = String::new();
    let mut add = |text: &str, mark: &str, indent: &str| {
        out.push_str(&wrapped(&format!("{mark}{}", plain(text)), width, indent));
        out.push('\n');
    };
    for caution in cautions(together.runs) {
        add(&caution, "! ", "  ");
    }
    let rows = settings::rows(together);
    if rows.is_empty() {
        add(&no_setting_differs(together.runs), "", "");
    } else {
        add("What differs in their settings:", "", "");
    }
    for row in rows {
        let values = by_value(together.runs, &row.values);
        add(&format!("{}: {}", row.what, values.join("; ")), "- ", "  ");
    }
    let agreement = agreement::of(together);
    add("", "", "");
    add(&agreement.in_words(), "", "");
    for sentence in agreement.findings.iter().chain(&agreement.verdicts) {
        add(sentence, "! ", "  ");
    }
    for sentence in &agreement.undecided {
        add(sentence, "? ", "  ");
    }
    for shared in &together.shared {
        let read = Read::of(shared);
        add("", "", "");
        add(&shared.title, "", "");
        for headline in read.headlines() {
            add(&headline, "- ", "  ");
        }
        for (run, words) in read.forest.iter().flat_map(Forest::runs) {
            add(&format!("{run}: {words}"), "· ", "  ");
        }
        if !read.figures.missing.is_empty() {
            add(&format!("Not compared: {}.", read.figures.missing.join("; ")), "! ", "  ");
        }
    }
    if let Some(alone) = alone(together) {
        add("", "", "");
        add(&alone, "", "");
    }
    out
}

/// Each value with the runs that have it, or with how many these are.
fn by_value(runs: &[Run], values: &[String]) -> Vec<String> {
    let mut each: Vec<(&str, Vec<String>)> = Vec::new();
    for (run, value) in runs.iter().zip(values) {
        match each.iter_mut().find(|(known, _)| known == value) {
            Some((_, names)) => names.push(run.name.clone()),
            None => each.push((value, vec![run.name.clone()])),
        }
    }
    let said = |(value, names): (&str, Vec<String>)| {
        let many = names.len() >= MANY_RUNS;
        let who = if many { counted(names.len() as u64, "run") } else { listed(&names) };
        format!("{value} ({who})")
    };
    each.into_iter().map(said).collect()
}

/// A ratio's own interval, or that there is none.
pub(super) fn interval(figure: &Figure<'_>) -> String {
    figure.ratio.interval.map_or_else(|| crate::report::tables::MISSING.to_owned(), shown)
}

/// Without backticks and control characters.
fn plain(text: &str) -> String {
    let kept = text.chars().filter(|letter| *letter != '`');
    kept.map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
