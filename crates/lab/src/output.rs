//! Where results are kept, so that nothing measured is ever lost.
//!
//! `results.json` is written anew after every trial: beside its place first, then renamed, so that
//! whoever reads it at any moment, or after any end of the lab, finds a whole one.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use jiff::Timestamp;

use crate::results::Results;

/// The directory of a run.
#[derive(Debug)]
pub struct Output {
    /// Where everything goes.
    pub dir: PathBuf,
    /// What shall name it, when it is one of many.
    latest: Option<PathBuf>,
}

/// The file that everything else can be made from.
pub const RESULTS: &str = "results.json";

impl Output {
    /// The directory that was asked for, or a new one under `target/lab` of the checkout (or of where the
    /// lab was called).
    ///
    /// # Errors
    /// When it cannot be made or written to, or holds results already.
    pub fn new(asked: Option<&Path>, checkout: Option<&Path>, now: Timestamp) -> anyhow::Result<Self> {
        let output = match asked {
            Some(dir) => Self { dir: dir.to_owned(), latest: None },
            None => {
                let all = checkout.unwrap_or(Path::new("")).join("target").join("lab");
                Self { dir: unused(&all, now), latest: Some(all.join("latest")) }
            }
        };
        let dir = output.dir.display();
        if output.dir.join(RESULTS).exists() {
            bail!("{dir} holds the results of another run already; name another directory with --out");
        }
        fs::create_dir_all(&output.dir)
            .with_context(|| format!("cannot make the directory {dir} for the results"))?;
        // Found out now, not after the first trial.
        let trial = output.dir.join(".writable");
        File::create(&trial)
            .and_then(|_| fs::remove_file(&trial))
            .with_context(|| format!("cannot write to {dir}; name another directory with --out"))?;
        Ok(output)
    }

    /// Writes the results as they are now.
    ///
    /// # Errors
    /// When they cannot be written; what was written before is then still there.
    pub fn write(&self, results: &Results) -> anyhow::Result<()> {
        let text = serde_json::to_string(results)?;
        let path = self.dir.join(RESULTS);
        replace(&path, text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Makes `latest` name this run: a symbolic link, or a file with the name where there are none.
    ///
    /// # Errors
    /// When neither can be made.
    pub fn name_latest(&self) -> anyhow::Result<()> {
        let (Some(latest), Some(name)) = (&self.latest, self.dir.file_name()) else { return Ok(()) };
        let beside = latest.with_extension(format!("new-{}", std::process::id()));
        let linked = std::os::unix::fs::symlink(name, &beside).and_then(|()| fs::rename(&beside, latest));
        linked
            .or_else(|_| {
                _ = fs::remove_file(&beside);
                replace(latest, name.as_encoded_bytes())
            })
            .with_context(|| format!("cannot make {} name this run", latest.display()))
    }
}

/// Writes a file whole or not at all.
///
/// # Errors
/// When it cannot be written; an older file is then unharmed.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension(format!("new-{}", std::process::id()));
    let written = File::create(&beside).and_then(|mut file| file.write_all(bytes));
    let replaced = written.and_then(|()| fs::rename(&beside, path));
    if replaced.is_err() {
        _ = fs::remove_file(&beside);
    }
    replaced
}

/// A directory named after the time, and after how many there are of that second.
fn unused(all: &Path, now: Timestamp) -> PathBuf {
    let name = now.strftime("%Y-%m-%dT%H-%M-%SZ").to_string();
    let names = std::iter::once(name.clone()).chain((2..).map(|n| format!("{name}-{n}")));
    names.map(|name| all.join(name)).find(|dir| !dir.exists()).unwrap_or_else(|| all.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-01-02T03:04:05Z".parse().unwrap()
    }

    #[test]
    fn two_runs_of_one_second_do_not_share_a_directory_and_latest_names_the_last() {
        let root = tempfile::tempdir().unwrap();
        let run = || Output::new(None, Some(root.path()), now()).unwrap();
        let (first, second) = (run(), run());
        assert!(first.dir.ends_with("target/lab/2026-01-02T03-04-05Z"), "{}", first.dir.display());
        assert!(second.dir.ends_with("target/lab/2026-01-02T03-04-05Z-2"));
        first.name_latest().unwrap();
        second.name_latest().unwrap();
        let latest = root.path().join("target/lab/latest").canonicalize().unwrap();
        assert_eq!(latest, second.dir.canonicalize().unwrap());
    }

    #[test]
    fn a_directory_with_results_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join(RESULTS), "precious").unwrap();
        let error = Output::new(Some(root.path()), None, now()).unwrap_err().to_string();
        assert!(error.contains("another run already"), "{error}");
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing_behind() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("taken");
        fs::create_dir(&path).unwrap();
        assert!(replace(&path, b"text").is_err());
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }
}
