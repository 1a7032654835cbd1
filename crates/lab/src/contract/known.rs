//! Known differences: where a framework answers for itself, and the application cannot help it.
//!
//! Each stands beside the case that shows it, with the rungs that it holds for and what they do instead.
//! A case that passes all the same is a mistake in the list, so the list stays true. The table in
//! `crates/README.md` is made of it, which `tests/parity` holds to it. The bare rungs are ours to the last
//! byte, and have no such excuse.

use crate::ladder::Rung;

/// A difference between what a case wants and what a server is known to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Names of the rungs.
    pub who: &'static [&'static str],
    /// What they do instead, as a sentence without its subject.
    pub does: &'static str,
}

/// rouille on `tiny_http`, which also hosts the async views.
pub const ROUILLE: &[&str] = &["pool", "thread-per-request", "async-views"];

/// actix-web, which also hosts the two ways to call blocking views.
pub const ACTIX: &[&str] = &["event-loop", "offload", "blocked-loop"];

/// actix-web with views that give the loop back while they wait.
pub const AWAITING: &[&str] = &["event-loop", "offload"];

/// One request a connection, by design.
pub const ONE_AT_A_TIME: &[&str] = &["one-at-a-time"];

impl Known {
    /// What is known of this rung, among these.
    pub fn of(list: &[Self], rung: Option<&Rung>) -> Option<&'static str> {
        let rung = rung?;
        list.iter().find(|known| known.who.contains(&rung.name)).map(|known| known.does)
    }
}

/// What to call them together.
pub fn host(who: &[&str]) -> String {
    match who {
        _ if who == ROUILLE => "rouille".into(),
        _ if who == ACTIX => "actix-web".into(),
        _ => who.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use crate::contract::conformance;
    use crate::ladder;

    #[test]
    fn every_excuse_is_for_a_rung_that_there_is_and_none_is_for_a_bare_one() {
        let all = conformance::cases();
        for known in all.iter().flat_map(|case| &case.known) {
            for name in known.who {
                assert!(ladder::rung(name).is_ok(), "{name}");
                assert!(!name.starts_with("bare-"), "{name}: {}", known.does);
            }
        }
    }

    #[test]
    fn a_case_has_one_excuse_for_each_rung_at_most() {
        for case in conformance::cases() {
            let mut names: Vec<_> = case.known.iter().flat_map(|known| known.who).collect();
            let all = names.len();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), all, "{}", case.name);
        }
    }
}
