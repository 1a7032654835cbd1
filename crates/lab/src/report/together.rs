//! Several runs beside each other: another machine, another day, other settings, or a class of students with a
//! machine each.
//!
//! ```text
//! runs -> settings (what differs between them)      -> words -> page, terminal
//!      -> figures (cell by cell, against the first)
//!      -> forest (the main ratio of each experiment, a line for each run)
//!      -> agreement (do the runs' own findings and verdicts contradict each other?)
//!      -> overlay (the same charts with all runs in them)
//! ```
//! Settings come first, since with other settings nobody should expect the same figures. Figures are compared
//! between runs (`between`), which have no blocks in common; what runs *conclude*, ratios within their own blocks,
//! is compared as well, since that is what should be the same elsewhere. The reader goes next to `agreement`.

mod agreement;
mod chosen;
mod figures;
mod forest;
mod overlay;
mod page;
mod settings;
mod words;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::cli::Usage;
use crate::output::{RESULTS, replace};
use crate::report::cells::{self, Experiment};
use crate::report::read;
use crate::report::text::listed;
use crate::results::Results;

pub use agreement::Agreement;

/// Name of the page.
pub const PAGE: &str = "comparison.html";

/// Stored results, and what to call them.
#[derive(Debug)]
pub struct Run {
    /// The last part of its path, or as much of it as tells it from the others.
    pub name: String,
    /// What it measured.
    pub results: Results,
}

/// Reads the directories of runs, or files with results.
///
/// # Errors
/// When one cannot be read; wrong usage when one is named twice, or when no two have an experiment in common: then
/// the message says what each has.
pub fn read_all(paths: &[PathBuf]) -> anyhow::Result<Vec<Run>> {
    let mut files: Vec<PathBuf> = Vec::new();
    for path in paths {
        let file = if path.is_dir() { path.join(RESULTS) } else { path.clone() };
        let real = fs::canonicalize(&file).unwrap_or(file);
        if let Some(place) = files.iter().position(|known| *known == real) {
            let (one, other) = (paths[place].display(), path.display());
            let which = if paths[place] == *path {
                format!("{one} is named twice")
            } else {
                format!("{one} and {other} are the same run")
            };
            return Err(Usage::error(format!("{which}: name each run once")));
        }
        files.push(real);
    }
    let names = names(&files);
    let mut runs = Vec::new();
    for (file, name) in files.iter().zip(names) {
        runs.push(Run { name, results: read(file)? });
    }
    let together = Together::of(&runs);
    if together.shared.is_empty() {
        let has = |run: &Run| {
            let names: Vec<String> = cells::experiments(&run.results)
                .iter()
                .map(|experiment| experiment.asked.name.clone())
                .collect();
            let names = if names.is_empty() { "nothing".into() } else { listed(&names) };
            format!("{} has {names}", run.name)
        };
        let each: Vec<String> = runs.iter().map(has).collect();
        return Err(Usage::error(format!(
            "there is nothing to compare, for no experiment is in two of these runs: {}",
            each.join("; ")
        )));
    }
    Ok(runs)
}

/// Writes the page of a comparison into a directory.
///
/// # Errors
/// When it cannot be written; the message names it.
pub fn write(dir: &Path, runs: &[Run]) -> anyhow::Result<PathBuf> {
    let path = dir.join(PAGE);
    let page = page::render(&Together::of(runs))?;
    replace(&path, page.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// What the terminal shows of a comparison, within so many columns.
#[must_use]
pub fn summary(runs: &[Run], columns: usize) -> String {
    words::summary(&Together::of(runs), columns.clamp(60, 160))
}

/// Whether what the runs found agrees: their significant findings, and what ran out.
#[must_use]
pub fn agreement(runs: &[Run]) -> Agreement {
    agreement::of(&Together::of(runs))
}

/// Runs, and what they have in common.
#[derive(Debug)]
struct Together<'r> {
    runs: &'r [Run],
    /// In the order of the runs.
    shared: Vec<Shared<'r>>,
    /// Experiments that only one run has: which, and whose.
    alone: Vec<(String, &'r str)>,
}

/// An experiment that at least two runs have.
#[derive(Debug)]
struct Shared<'r> {
    name: String,
    title: String,
    /// At least two; the first is what the others are compared with.
    sides: Vec<Side<'r>>,
}

/// An experiment in one run.
#[derive(Debug)]
struct Side<'r> {
    run: &'r Run,
    /// Place of the run among all.
    place: usize,
    experiment: Experiment<'r>,
}

impl<'r> Together<'r> {
    fn of(runs: &'r [Run]) -> Self {
        let mut all: Vec<Shared<'r>> = Vec::new();
        for (place, run) in runs.iter().enumerate() {
            for experiment in cells::experiments(&run.results) {
                let name = experiment.asked.name.clone();
                let title = match experiment.asked.title.replace('`', "") {
                    title if title.is_empty() => name.clone(),
                    title => title,
                };
                let side = Side { run, place, experiment };
                match all.iter_mut().find(|shared| shared.name == name) {
                    Some(shared) => shared.sides.push(side),
                    None => all.push(Shared { name, title, sides: vec![side] }),
                }
            }
        }
        let (shared, single): (Vec<_>, Vec<_>) = all.into_iter().partition(|shared| shared.sides.len() > 1);
        let alone = single.into_iter().flat_map(|shared| {
            shared.sides.into_iter().map(move |side| (shared.name.clone(), &*side.run.name))
        });
        Self { runs, alone: alone.collect(), shared }
    }
}

/// The shortest ends of the directories' paths that tell all of them apart.
fn names(files: &[PathBuf]) -> Vec<String> {
    let parts: Vec<Vec<String>> = files
        .iter()
        .map(|file| {
            let dir = if file.ends_with(RESULTS) { file.parent().unwrap_or(file) } else { file };
            dir.iter().map(|part| part.to_string_lossy().into_owned()).collect()
        })
        .collect();
    let end = |parts: &[String], of: usize| parts[parts.len().saturating_sub(of)..].join("/");
    let longest = parts.iter().map(Vec::len).max().unwrap_or(1);
    let apart = |of: &usize| {
        let names: Vec<String> = parts.iter().map(|parts| end(parts, *of)).collect();
        names.iter().enumerate().all(|(place, name)| !names[..place].contains(name))
    };
    let of = (1..=longest).find(apart).unwrap_or(longest);
    parts.iter().map(|parts| end(parts, of)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_short_as_they_can_be() {
        let named = |paths: &[&str]| names(&paths.iter().map(PathBuf::from).collect::<Vec<_>>());
        assert_eq!(named(&["/a/monday/results.json", "/a/tuesday/results.json"]), ["monday", "tuesday"]);
        assert_eq!(named(&["/a/ann/run/results.json", "/a/bob/run/results.json"]), ["ann/run", "bob/run"]);
        assert_eq!(named(&["/a/first.json", "/a/second.json"]), ["first.json", "second.json"]);
    }
}
