//! House rules, held by a test: what a reader may rely on in every file of the workspace.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const MAX_LINES: usize = 400;

/// Files and folders of one server that the other has no counterpart for, and why. Everything else comes in
/// pairs, because reading the pairs side by side is what the two servers are for.
const ON_ONE_SIDE: &[(&str, &str)] = &[
    ("blocking-server/src/application.rs", "our views behind WSGI; actix calls them without a layer between"),
    (
        "blocking-server/src/gateway/",
        "what actix does and rouille does not: early chunks, odd lengths, early ends",
    ),
    ("blocking-server/src/bare/threads.rs", "there may be no thread to be had; a task there always is"),
    (
        "blocking-server/src/sockets.rs",
        "rouille hides its sockets; actix can be told about backlog and Nagle",
    ),
    ("blocking-server/src/stranded.rs", "tiny_http forgets connections; actix does not"),
    ("blocking-server/src/supervisor.rs", "a limit ends rouille's process; actix goes on answering"),
    ("blocking-server/src/supervisor/", "likewise"),
    ("blocking-server/src/wsgi.rs", "PEP 3333 has no async side: that is its lesson"),
    ("blocking-server/src/wsgi/", "likewise"),
];

#[test]
fn every_source_file_starts_by_saying_what_it_is_for() {
    let silent = sources().into_iter().filter(|(_, text)| !text.starts_with("//!")).map(|(path, _)| path);
    none(silent, "start with a `//!` that says what the file is for and where to go next");
}

#[test]
fn no_source_file_is_too_long_to_read_in_one_go() {
    let long = sources().into_iter().map(|(path, text)| (path, text.lines().count()));
    let long = long.filter(|(_, lines)| *lines > MAX_LINES).map(|(path, lines)| format!("{path} ({lines})"));
    none(long, &format!("have at most {MAX_LINES} lines"));
}

#[test]
fn nothing_is_left_for_later() {
    let marks = [concat!("to", "do!("), concat!("unimple", "mented!("), concat!("FIX", "ME")];
    let unfinished = sources().into_iter().filter(|(_, text)| marks.iter().any(|mark| text.contains(mark)));
    none(unfinished.map(|(path, _)| path), "are finished");
}

#[test]
fn the_two_servers_have_the_same_files() {
    let of = |server: &str| -> BTreeSet<_> {
        let all = files("crates").into_iter();
        all.filter_map(|path| path.strip_prefix(&format!("crates/{server}/src/")).map(str::to_owned))
            .collect()
    };
    let (blocking, r#async) = (of("blocking-server"), of("async-server"));
    let alone = blocking
        .difference(&r#async)
        .map(|path| format!("blocking-server/src/{path}"))
        .chain(r#async.difference(&blocking).map(|path| format!("async-server/src/{path}")));
    let alone: BTreeSet<_> = alone.collect();
    let listed = |path: &&String| ON_ONE_SIDE.iter().any(|(listed, _)| covers(listed, path));
    none(alone.iter().filter(|path| !listed(path)), "have a counterpart, or a reason in ON_ONE_SIDE");
    let stale = ON_ONE_SIDE.iter().filter(|(listed, _)| !alone.iter().any(|path| covers(listed, path)));
    none(stale.map(|(listed, _)| listed), "are needed in ON_ONE_SIDE");
}

fn covers(listed: &str, path: &str) -> bool {
    path == listed || (listed.ends_with('/') && path.starts_with(listed))
}

#[test]
fn every_script_is_strict_and_says_how_to_use_it() {
    let is_script = |path: &String| path.ends_with(".sh") || path == ".ci/run";
    let scripts = files("scripts").into_iter().chain(files(".ci")).filter(is_script);
    let scripts: BTreeMap<_, _> = scripts.map(|path| (path.clone(), read(&path))).collect();
    assert!(scripts.len() > 5, "the scripts are somewhere else: {:?}", scripts.keys());
    for needed in ["#!/usr/bin/env bash\n", "\nset -euo pipefail\n", "\n# usage: "] {
        let without = scripts.iter().filter(|(_, text)| !text.contains(needed)).map(|(path, _)| path);
        none(without, &format!("contain {needed:?}"));
    }
}

#[test]
fn the_code_map_names_every_crate() {
    let map = read("crates/README.md");
    let crates = files("crates")
        .into_iter()
        .filter_map(|path| path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml").map(str::to_owned));
    none(crates.filter(|name| !map.contains(&format!("`{name}`"))), "stand in crates/README.md");
}

#[track_caller]
fn none<T: std::fmt::Display>(offenders: impl IntoIterator<Item = T>, rule: &str) {
    let offenders: Vec<_> = offenders.into_iter().map(|offender| offender.to_string()).collect();
    assert!(offenders.is_empty(), "all of these should {rule}:\n  {}", offenders.join("\n  "));
}

/// Path and text of every Rust source file.
fn sources() -> BTreeMap<String, String> {
    let all = files("crates").into_iter().chain(files("benches")).filter(|path| path.ends_with(".rs"));
    all.map(|path| (path.clone(), read(&path))).collect()
}

/// All files under a folder of the workspace, as paths from its root.
fn files(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.unwrap().path();
            if !path.is_dir() {
                found.push(path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned());
            } else if !path.ends_with("target") {
                folders.push(path);
            }
        }
    }
    found
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}
