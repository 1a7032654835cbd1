//! Where the programs are that the lab starts: built from the checkout that the lab belongs to, so that
//! nothing stale is ever measured, or beside the lab where it was installed.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use serde::Deserialize;

use crate::stop;

/// Everything that runs as a process of its own; package and program have the same name.
const NAMES: [&str; 5] = ["blocking-server", "async-server", "bridges", "upstream", "loadgen"];

/// The programs, each found and, in a checkout, fresh.
#[derive(Debug, Clone)]
pub struct Programs {
    paths: BTreeMap<&'static str, PathBuf>,
    /// The checkout that they were built from.
    pub checkout: Option<PathBuf>,
}

impl Programs {
    /// Builds the programs in a checkout; elsewhere looks for them beside the lab itself.
    ///
    /// # Errors
    /// When they cannot be built, or one is missing.
    pub fn ready() -> anyhow::Result<Self> {
        match checkout() {
            Some(root) => Ok(Self { paths: build(&root)?, checkout: Some(root) }),
            None => Ok(Self { paths: beside_the_lab()?, checkout: None }),
        }
    }

    /// Where a program is.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn path(&self, name: &str) -> anyhow::Result<&Path> {
        self.paths.get(name).map(PathBuf::as_path).with_context(|| format!("there is no program {name}"))
    }
}

/// The checkout that this lab was built from, if it still exists, or else the one that it is called in.
pub fn checkout() -> Option<PathBuf> {
    let compiled_from = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).map(Path::to_owned);
    let called_in = env::current_dir().ok();
    let above = called_in.iter().flat_map(|dir| dir.ancestors());
    compiled_from.iter().map(PathBuf::as_path).chain(above).find(|dir| is_checkout(dir)).map(Path::to_owned)
}

fn is_checkout(dir: &Path) -> bool {
    dir.join("Cargo.toml").is_file() && NAMES.iter().all(|name| dir.join("crates").join(name).is_dir())
}

fn build(root: &Path) -> anyhow::Result<BTreeMap<&'static str, PathBuf>> {
    // `cargo run` says which cargo it is; that one fits the toolchain of the checkout.
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(&cargo);
    command.current_dir(root).args(["build", "--bins", "--message-format=json-render-diagnostics"]);
    // News about dependencies is for those who work on them, not for those who measure.
    command.args(["--config", "future-incompat-report.frequency='never'"]);
    // The programs are built as the lab is: optimised, except for its own tests.
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    for name in NAMES {
        command.args(["--package", name]);
    }
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run {}; is Rust installed?", cargo.display()))?;
    if stop::requested() {
        return Err(stop::Stopped.into());
    }
    if !output.status.success() {
        bail!("cargo could not build the programs (its own message is above)");
    }
    let built = executables(&String::from_utf8_lossy(&output.stdout));
    complete(&built).context("cargo built other programs than the lab needs")
}

/// Which executable each package became, from cargo's messages, a JSON object a line.
fn executables(messages: &str) -> Vec<(String, PathBuf)> {
    #[derive(Deserialize)]
    struct Message {
        executable: Option<PathBuf>,
        target: Target,
    }
    #[derive(Deserialize)]
    struct Target {
        name: String,
    }
    let artifact = |line| serde_json::from_str::<Message>(line).ok();
    messages.lines().filter_map(artifact).filter_map(|m| Some((m.target.name, m.executable?))).collect()
}

fn beside_the_lab() -> anyhow::Result<BTreeMap<&'static str, PathBuf>> {
    let lab = env::current_exe().context("cannot tell where the lab itself is")?;
    let dir = lab.parent().context("the lab has no directory")?;
    let file = |name: &str| dir.join(format!("{name}{}", env::consts::EXE_SUFFIX));
    let found = NAMES.iter().map(|name| ((*name).to_owned(), file(name))).filter(|(_, path)| path.is_file());
    complete(&found.collect::<Vec<_>>()).with_context(|| {
        format!(
            "outside a checkout of Parkbench the programs have to be beside the lab, in {}",
            dir.display()
        )
    })
}

fn complete(found: &[(String, PathBuf)]) -> anyhow::Result<BTreeMap<&'static str, PathBuf>> {
    let mut paths = BTreeMap::new();
    for name in NAMES {
        match found.iter().find(|(known, _)| known == name) {
            Some((_, path)) => paths.insert(name, path.clone()),
            None => bail!("{name} is missing"),
        };
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executables_are_read_from_cargos_messages() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"loadgen","kind":["lib"]},"executable":null}
{"reason":"compiler-artifact","target":{"name":"loadgen","kind":["bin"]},"executable":"/t/loadgen"}
{"reason":"build-finished","success":true}
not json"#;
        assert_eq!(executables(messages), [("loadgen".to_owned(), PathBuf::from("/t/loadgen"))]);
    }

    #[test]
    fn a_missing_program_is_named() {
        let all: Vec<_> = NAMES.iter().map(|name| ((*name).to_owned(), PathBuf::from("/x"))).collect();
        assert!(complete(&all).is_ok());
        assert_eq!(complete(&all[1..]).unwrap_err().to_string(), "blocking-server is missing");
    }
}
