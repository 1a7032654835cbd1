//! Two servers, one text: what differs between the files that are read side by side is `async`, `.await`, the
//! names of the two libraries, and hardly anything else. These tests keep it so.

use std::fs;
use std::path::Path;

use similar::{ChangeTag, TextDiff};

/// The same thing by the names that it has on the two sides: blocking, async.
const NAMES: &[(&str, &str)] = &[
    ("use std::sync::Arc;", "use std::rc::Rc;"),
    ("use std::thread::sleep;", "use tokio::time::sleep;"),
    ("Arc<Self>", "Rc<Self>"),
    ("Arc::new(Self", "Rc::new(Self"),
    ("Arc::clone(self)", "Rc::clone(self)"),
    ("body::reader(", "body::chunks("),
    ("reader: &mut body", "chunks: &mut body"),
    ("use connections::start;", "use connections::run;"),
];

#[test]
fn the_views_differ_in_how_they_wait() {
    differ_by_at_most(4, "views.rs");
}

#[test]
fn the_bare_servers_differ_in_threads_and_tasks() {
    differ_by_at_most(24, "bare.rs");
}

#[test]
fn the_bare_clients_differ_in_nothing() {
    differ_by_at_most(0, "bare/client.rs");
}

/// Compares a file of the two servers line by line, comments apart, after taking `async` and `.await` away and
/// calling things by one name. Lines that only one side has count, and so does each side of a changed line.
#[track_caller]
fn differ_by_at_most(lines: usize, file: &str) {
    let (blocking, r#async) = (code("blocking-server", file), code("async-server", file));
    assert!(r#async.lines().count() > 30, "{file} has moved");
    let diff = TextDiff::from_lines(&blocking, &r#async);
    let changes = diff.iter_all_changes().filter(|change| change.tag() != ChangeTag::Equal);
    let changes: Vec<_> = changes.map(|change| format!("{}{change}", change.tag())).collect();
    assert!(
        changes.len() <= lines,
        "the two {file} differ in {} lines, which is more than {lines}:\n{}",
        changes.len(),
        changes.concat()
    );
}

fn code(server: &str, file: &str) -> String {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut text = fs::read_to_string(crates.join(server).join("src").join(file)).unwrap();
    for (blocking, r#async) in NAMES {
        text = text.replace(r#async, blocking);
    }
    let lines = text.lines().map(|line| line.replace("async ", "").replace(".await", ""));
    let mut lines: Vec<_> = lines.filter(|line| !line.trim_start().starts_with("//")).collect();
    // Imports in the order of the names that they have here.
    lines.sort_by_key(|line| !line.starts_with("use "));
    let imports = lines.iter().take_while(|line| line.starts_with("use ")).count();
    let rest = lines.split_off(imports);
    lines.sort();
    lines.dedup();
    lines.extend(rest);
    lines.join("\n") + "\n"
}
