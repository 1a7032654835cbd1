//! A load that asks for several things: each gets its share, and is held to its own answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use loadgen::protocol::{Expect, Failure, Spec, Weighted};

use super::server::{Act, Server};
use super::support::{closed, open, run};

/// Answers `/often` and `/rare` with their names, and counts how often it was asked for the latter.
fn server() -> (Server, Arc<AtomicU64>) {
    let rare = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&rare);
    let server = Server::start(move |request| {
        let name = if request.head.starts_with("GET /rare ") { "rare!" } else { "often" };
        counter.fetch_add(u64::from(name == "rare!"), Ordering::SeqCst);
        vec![Act::Send(format!("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n{name}").into())]
    });
    (server, rare)
}

fn part(target: &str, weight: u32, body: &str) -> Weighted {
    Weighted { target: target.into(), weight, expect: Expect { status: 200, body: Some(body.into()) } }
}

fn mixed(spec: Spec) -> Spec {
    Spec { mix: vec![part("/often", 9, "often"), part("/rare", 1, "rare!")], ..spec }
}

#[test]
fn every_part_is_asked_for_and_held_to_its_own_answer() {
    let (server, rare) = server();
    for spec in [open(server.url("/ignored"), 1_000.0, 32), closed(server.url("/ignored"), 4)] {
        let (rare_before, all_before) = (rare.load(Ordering::SeqCst), server.requests() as u64);
        let outcome = run(mixed(spec));
        assert!(outcome.completed > 300 && outcome.completed == outcome.scheduled, "{outcome:?}");
        let rare = (rare.load(Ordering::SeqCst) - rare_before) as f64;
        let all = (server.requests() as u64 - all_before) as f64;
        // One of every ten in order. Of the last 32, one for each connection, some may not have been sent.
        assert!((rare - all / 10.0).abs() < 6.0, "{rare} of {all}");
    }
}

#[test]
fn a_wrong_answer_of_one_part_is_seen() {
    let (server, _) = server();
    let mut spec = mixed(open(server.url("/"), 1_000.0, 32));
    spec.mix[1].expect.body = Some("other".into());
    let outcome = run(spec);
    let wrong = outcome.failed.get(&Failure::WrongBody).copied().unwrap_or(0);
    assert!(wrong > 0 && wrong * 4 < outcome.scheduled, "{outcome:?}");
    assert!(outcome.first_wrong.is_some_and(|text| text.contains("rare!")));
}
