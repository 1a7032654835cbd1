//! Whatever comes, and however it is cut into pieces: never a panic, always the same events.

mod common;

use common::{Event, LIMITS, fetch, serve, statuses};
use proptest::collection::vec;
use proptest::prelude::*;
use wire::Error;

proptest! {
    #[test]
    fn any_bytes_mean_the_same_to_a_server_at_any_split(bytes in any::<Vec<u8>>(), sizes in sizes()) {
        prop_assert_eq!(serve(&bytes, &sizes).0, serve(&bytes, &[]).0);
    }

    #[test]
    fn nearly_http_means_the_same_to_a_server_at_any_split(bytes in nearly_requests(), sizes in sizes()) {
        let (events, sent) = serve(&bytes, &sizes);
        prop_assert_eq!(&events, &serve(&bytes, &[]).0);
        consistent(&events, &sent);
    }

    #[test]
    fn any_bytes_mean_the_same_to_a_client_at_any_split(bytes in any::<Vec<u8>>(), sizes in sizes()) {
        same_answer(&bytes, &sizes);
    }

    #[test]
    fn nearly_http_means_the_same_to_a_client_at_any_split(bytes in nearly_response(), sizes in sizes()) {
        same_answer(&bytes, &sizes);
    }
}

/// One reply per request, none after a refusal; nothing longer than the limits.
fn consistent(events: &[Event], sent: &[u8]) {
    let mut expected = Vec::new();
    for event in events {
        match event {
            Event::Request { body, .. } => {
                assert!(body.len() as u64 <= LIMITS.body_bytes);
                expected.push(200);
            }
            Event::BadBody { error, .. } | Event::End(error) => expected.extend(error.status()),
        }
    }
    let replies: Vec<u16> = statuses(sent).into_iter().filter(|&status| status != 100).collect();
    assert_eq!(replies, expected, "{events:?}");
    if let Some(at) = events.iter().position(|event| matches!(event, Event::BadBody { .. })) {
        assert_eq!(events[at + 1..], [Event::End(Error::Closed)]);
    }
}

fn same_answer(bytes: &[u8], sizes: &[usize]) {
    let parts = |sizes| {
        // Whether a connection is reusable may depend on the split: a client cannot know what it has not
        // read yet. What the answer is may not.
        let (answer, _) = fetch(bytes, sizes);
        answer.map(|(head, body)| (head.status(), format!("{:?}", head.headers().collect::<Vec<_>>()), body))
    };
    assert_eq!(parts(sizes), parts(&[]));
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    vec(prop_oneof![3 => 1..4_usize, 1 => 1..80_usize], 1..20)
}

/// Requests put together from parts that are right, wrong and in between, with a few bytes changed.
fn nearly_requests() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        4 => Just("GET /hello HTTP/1.1\r\n"),
        3 => Just("POST /echo HTTP/1.1\r\n"),
        1 => Just("HEAD / HTTP/1.0\r\n"),
        1 => Just("\r\nGET / HTTP/1.1\r\n"),
        1 => Just("GET / HTTP/2.0\r\n"),
        1 => Just("\r\n"),
        1 => Just(""),
    ];
    let request = (line, vec(header(), 0..4), body()).prop_map(|(line, headers, body)| {
        format!("{line}host: a\r\n{}{body}", headers.concat()).into_bytes()
    });
    (vec(request, 1..5), flips()).prop_map(|(requests, flips)| flipped(requests.concat(), flips))
}

fn nearly_response() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        1 => Just("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"),
        4 => Just("HTTP/1.1 200 OK\r\n"),
        1 => Just("HTTP/1.0 200 OK\r\n"),
        1 => Just("HTTP/1.1 204 \r\n"),
        1 => Just("HTTP/1.1 304\r\n"),
        1 => Just("HTTP/1.1 101 Switching Protocols\r\n"),
    ];
    (line, vec(header(), 0..4), body(), flips()).prop_map(|(line, headers, body, flips)| {
        flipped(format!("{line}{}{body}", headers.concat()).into_bytes(), flips)
    })
}

fn header() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "accept: */*\r\n",
        "connection: close\r\n",
        "connection: keep-alive\r\n",
        "expect: 100-continue\r\n",
        "content-length: 3\r\n",
        "transfer-encoding: gzip\r\n",
        "x-empty:\r\n",
        "x-tab: \ta\t\r\n",
        "no colon\r\n",
        " folded\r\n",
        "x: y\n",
    ])
}

fn body() -> impl Strategy<Value = String> {
    let chunk = "[a-z\r\n]{1,40}".prop_map(|data| format!("{:x};x=y\r\n{data}\r\n", data.len()));
    prop_oneof![
        4 => Just("\r\n".to_owned()),
        4 => "[a-z\r\n]{0,600}".prop_map(|data| format!("content-length: {}\r\n\r\n{data}", data.len())),
        3 => vec(chunk, 0..40).prop_map(|chunks| {
            format!("transfer-encoding: chunked\r\n\r\n{}0\r\nt: r\r\n\r\n", chunks.concat())
        }),
        1 => "[a-z]{0,5}".prop_map(|data| format!("content-length: 2000\r\n\r\n{data}")),
        1 => Just("x".repeat(700)),
    ]
}

/// Which bytes to change, as fractions of the length, and into what. Mostly none.
fn flips() -> impl Strategy<Value = Vec<(f64, u8)>> {
    let byte = prop_oneof![prop::sample::select(b"\r\n\0 :;0aA\t\x80".to_vec()), any::<u8>()];
    prop_oneof![2 => Just(vec![]), 1 => vec((0.0..1.0, byte), 1..3)]
}

fn flipped(mut bytes: Vec<u8>, flips: Vec<(f64, u8)>) -> Vec<u8> {
    for (place, byte) in flips {
        let at = (place * bytes.len() as f64) as usize;
        if let Some(target) = bytes.get_mut(at) {
            *target = byte;
        }
    }
    bytes
}
