//! What keeps a server of HTTP/1.1 safe and usable, as conversations with the section of the RFC that asks
//! for it (9110 is what HTTP means, 9112 how version 1.1 is written).
//!
//! In four files: `connections` (when they stay, when they end, what comes in which order), `bodies`
//! (where one ends), `heads` (what a request may look like) and `smuggling` (requests that two readers
//! could read in two ways: a proxy sees one, the server behind it sees two, and the second was never
//! checked by anybody).

mod bodies;
mod connections;
mod heads;
mod smuggling;

use super::conversation::{Answer, Conversation, Step};
use super::known::Known;

/// Every case, in the order in which they are best read.
pub fn cases() -> Vec<Conversation> {
    [connections::cases(), bodies::cases(), heads::cases(), smuggling::cases()].concat()
}

impl Conversation {
    fn new(name: impl Into<String>, section: &'static str, steps: impl Into<Vec<Step>>) -> Self {
        Self { name: name.into(), section, steps: steps.into(), known: Vec::new() }
    }

    fn known(mut self, who: &'static [&'static str], does: &'static str) -> Self {
        self.known.push(Known { who, does });
        self
    }
}

/// A request for `/hello` with these header lines, each with its line break.
fn get(lines: &str) -> String {
    format!("GET /hello HTTP/1.1\r\nhost: localhost\r\n{lines}\r\n")
}

/// A request that wants its body back.
fn post(lines: &str, body: &str) -> String {
    format!("POST /echo HTTP/1.1\r\nhost: localhost\r\n{lines}\r\n{body}")
}

fn send(text: impl Into<String>) -> Step {
    Step::Send(text.into().into_bytes())
}

fn answer(status: u16, body: &str) -> Answer {
    Answer { status, body: Some(body.into()), ..Answer::default() }
}

fn hello() -> Answer {
    answer(200, HELLO)
}

const HELLO: &str = r#"{"hello":"world"}"#;

/// What bad requests carry along. An answer to it is an answer to something that nobody asked.
const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nhost: localhost\r\n\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_every_case_says_where_it_is_written() {
        let mut names: Vec<_> = cases().into_iter().map(|case| case.name).collect();
        let all = names.len();
        assert!(all > 80, "{all}");
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all);
        for case in cases() {
            let section = case.section.strip_prefix("RFC 9110, ").or(case.section.strip_prefix("RFC 9112, "));
            let known = section.is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit()));
            assert!(known || case.section == "contract", "{}: {}", case.name, case.section);
        }
    }

    #[test]
    fn every_case_waits_for_something() {
        for case in cases() {
            let sends = |step: &Step| matches!(step, Step::Send(_) | Step::Dribble(_) | Step::EndSending);
            assert!(case.steps.last().is_some_and(|step| !sends(step)), "{}", case.name);
        }
    }
}
