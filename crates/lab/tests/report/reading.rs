//! Results read back, and files that are none: one sentence each.

use std::fs;
use std::path::PathBuf;

use lab::report;
use tempfile::TempDir;

use crate::fixture;

/// What reading a file with this text says.
fn complaint(text: &str) -> String {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("results.json");
    fs::write(&path, text).unwrap();
    let error = report::read(&path).expect_err("this is no results file");
    let said = error.to_string();
    assert!(said.contains("results.json"), "it names the file: {said}");
    assert!(!said.contains('\n'), "one sentence: {said}");
    said
}

fn stored() -> String {
    serde_json::to_string_pretty(&fixture::plausible()).unwrap()
}

#[test]
fn what_was_written_comes_back() {
    let dir = TempDir::new().unwrap();
    let path: PathBuf = dir.path().join("results.json");
    fs::write(&path, stored()).unwrap();
    let back = report::read(&path).unwrap();
    // Not `assert_eq!` on all of it: JSON's decimals may come back as the neighbouring float.
    assert_eq!(back.trials.len(), fixture::plausible().trials.len());
    assert_eq!(report::summary_within(&back, 100), report::summary_within(&fixture::plausible(), 100));
}

#[test]
fn cut_short_anywhere_is_called_cut_short() {
    let whole = stored();
    for at in [1, 20, whole.len() / 3, whole.len() / 2, whole.len() - 2] {
        let at = (at..).find(|at| whole.is_char_boundary(*at)).unwrap();
        let said = complaint(&whole[..at]);
        assert!(said.contains("is cut short") && said.contains("measure again"), "at {at}: {said}");
    }
    assert!(complaint("").contains("is cut short"));
}

#[test]
fn another_version_names_both_and_says_what_to_do() {
    let said = complaint(&stored().replace("parkbench/1", "parkbench/7"));
    for part in [
        "schema \"parkbench/7\"",
        "reads \"parkbench/1\"",
        "the version of Parkbench that wrote it (0.1.0",
        "measure again",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
}

#[test]
fn other_things_are_called_what_they_are() {
    assert!(complaint("rung,clients\npool,16\n").contains("is not JSON"));
    assert!(complaint("{\"trials\": []}").contains("JSON without a \"schema\""));
    assert!(complaint("[]").contains("JSON without a \"schema\""));
    let edited = complaint(&stored().replacen("\"seed\": 1", "\"seed\": \"one\"", 1));
    assert!(edited.contains("does not keep to it"), "{edited}");
    let missing = report::read(&PathBuf::from("/does/not/exist/results.json")).unwrap_err().to_string();
    assert!(missing.contains("cannot read /does/not/exist/results.json; give the directory"), "{missing}");
}
