//! What one side says, the other side reads: random messages, in random pieces.

mod common;

use common::{Pieces, answer};
use proptest::collection::vec;
use proptest::prelude::*;
use wire::{ClientConnection, Connection, Limits, RequestHead, ServerConnection};

/// A call and its answer.
#[derive(Debug, Clone)]
struct Exchange {
    target: String,
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Reply,
}

#[derive(Debug, Clone)]
enum Reply {
    Whole(Vec<u8>),
    Chunked(Vec<Vec<u8>>),
}

proptest! {
    #[test]
    fn calls_and_answers_arrive_as_they_were_meant(
        exchanges in vec(exchange(), 1..6),
        there in vec(1..200_usize, 1..10),
        back in vec(1..200_usize, 1..10),
    ) {
        let limits = Limits::default();
        let (mut client, mut server) = (ClientConnection::new(limits), ServerConnection::new(limits));
        for Exchange { target, status, headers, body } in &exchanges {
            client.get(target, "localhost:8000").unwrap();
            let request = client.output().to_owned();
            client.sent();
            let (mut head, mut pieces) = (RequestHead::default(), Pieces::cut(&request, &there));
            while !server.take_head(&mut head).unwrap() {
                pieces.feed(&mut server);
            }
            prop_assert_eq!((head.method(), head.target()), ("GET", &target[..]));
            prop_assert_eq!(head.header("host"), Some("localhost:8000"));

            let expected = match body {
                Reply::Whole(body) => {
                    server.reply(*status, headers, body);
                    body.clone()
                }
                Reply::Chunked(chunks) => {
                    server.reply_chunked(*status, headers);
                    chunks.iter().for_each(|chunk| server.chunk(chunk));
                    server.finish();
                    chunks.concat()
                }
            };
            let reply = server.output().to_owned();
            server.sent();
            let (told, body) = answer(&mut client, &mut Pieces::cut(&reply, &back)).unwrap();
            prop_assert_eq!(told.status(), *status);
            prop_assert_eq!(body, if matches!(status, 204 | 304) { vec![] } else { expected });
            for (name, value) in headers {
                let value = value.trim_matches([' ', '\t']).as_bytes();
                let arrived = told.headers().any(|line| line == (*name, value));
                prop_assert!(arrived, "{}: {:?}", name, value);
            }
            prop_assert!(server.is_open() && client.is_reusable());
        }
    }
}

fn exchange() -> impl Strategy<Value = Exchange> {
    let header = (prop::sample::select(vec!["content-type", "x-request-id", "allow"]), "[ -~\t\u{e9}]{0,40}");
    let bytes = |most| vec(any::<u8>(), 0..most);
    let body = prop_oneof![
        2 => bytes(3_000).prop_map(Reply::Whole),
        1 => vec(bytes(400), 0..10).prop_map(Reply::Chunked),
    ];
    let status = prop::sample::select(vec![200, 204, 304, 404, 405, 418, 503]);
    ("/[!-~]{0,60}", status, vec(header, 0..5), body).prop_map(|(target, status, headers, body)| Exchange {
        target,
        status,
        headers,
        body,
    })
}
