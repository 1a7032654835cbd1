//! The list of known differences that readers see is the one that `cargo lab verify` goes by.

use std::path::Path;

use lab::contract::conformance;
use lab::contract::known::host;

#[test]
fn the_readme_lists_exactly_the_known_differences() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, rest) = text.split_once(BEGIN).expect("the mark before the table");
    let (found, _) = rest.split_once(END).expect("the mark behind the table");
    let table = table();
    assert!(found.trim() == table.trim(), "crates/README.md should have, between its marks:\n{table}");
}

const BEGIN: &str = "<!-- known differences: from the code, held to it by lab/tests/parity/list.rs -->";
const END: &str = "<!-- end of known differences -->";

/// Equal excuses of the same server share a line.
fn table() -> String {
    let mut rows: Vec<(String, &str, Vec<String>)> = Vec::new();
    for case in conformance::cases() {
        for known in &case.known {
            let who = host(known.who);
            match rows.iter_mut().find(|row| row.0 == who && row.1 == known.does) {
                Some(row) => row.2.push(case.name.clone()),
                None => rows.push((who, known.does, vec![case.name.clone()])),
            }
        }
    }
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    let mut table = String::from("| a server … | but | does this instead |\n| --- | --- | --- |\n");
    for (who, does, names) in rows {
        table += &format!("| {} | {who} | {does} |\n", names.join("; "));
    }
    table
}
