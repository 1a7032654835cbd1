//! The answer of each route, once whatever it had to wait for is there.

use std::borrow::Cow;
use std::time::Duration;

use serde::Serialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::services::SunTimes;
use crate::{Body, Paced, Reply};

/// `GET /`
pub fn welcome() -> Reply {
    let text = "Parkbench: the same application on a blocking and an async server.\n\
                Try /hello, /wait/250, /api/sun/97201/us or /stream/10/500.\n";
    Reply::new(200, TEXT, Body::Whole(Cow::Borrowed(text.as_bytes())))
}

/// `GET /hello`
pub fn hello() -> Reply {
    Reply::new(200, JSON, Body::Whole(Cow::Borrowed(br#"{"hello":"world"}"#)))
}

/// `GET /wait/{ms}`, after the wait.
pub fn waited(ms: u32) -> Reply {
    #[derive(Serialize)]
    struct Waited {
        waited_ms: u32,
    }
    json(&Waited { waited_ms: ms })
}

/// `GET /hash/{rounds}`: SHA-256 of SHA-256 of … of the digest of the empty string. This is work, not
/// waiting: on an event loop nobody else is served while it runs.
pub fn hash(rounds: u32) -> Reply {
    #[derive(Serialize)]
    struct Hashed {
        rounds: u32,
        digest: String,
    }
    let digest = (0..rounds).fold(Sha256::digest(b""), |digest, _| Sha256::digest(digest));
    let digest = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    json(&Hashed { rounds, digest })
}

/// `GET /api/sun/{zip}/{country}`
pub fn sun(times: &SunTimes) -> Reply {
    json(times)
}

/// `GET /api/weather/{zip}/{country}`: the service's JSON, passed through.
pub fn weather(report: &RawValue) -> Reply {
    json(report)
}

/// `GET /api/events/{city}/{state}/{country}`
pub fn events(city: &str, state: &str, country: &str) -> Reply {
    #[derive(Serialize)]
    struct Event<'a> {
        city: &'a str,
        state: &'a str,
        country: &'a str,
        name: String,
    }
    let name = format!("Open-air concert in {city}");
    json(&Event { city, state, country, name })
}

/// `GET /api/city/{zip}/{country}`
pub fn city(sun: &SunTimes, weather: &RawValue) -> Reply {
    #[derive(Serialize)]
    struct City<'a> {
        sun: &'a SunTimes,
        weather: &'a RawValue,
    }
    json(&City { sun, weather })
}

/// `GET /stream/{chunks}/{ms}`: lines that are made while they are sent.
pub fn stream(chunks: u32, gap_ms: u32) -> Reply {
    let lines = (1..=chunks).map(move |n| format!("chunk {n} of {chunks}\n").into_bytes());
    let gap = Duration::from_millis(gap_ms.into());
    Reply::new(200, TEXT, Body::Paced(Paced::new(lines, gap)))
}

/// `GET /live`: server-sent events, one a [`TICK`], for as long as the client stays.
pub fn live() -> Reply {
    let ticks = (1_u64..).map(|n| format!("event: tick\ndata: {{\"n\":{n}}}\n\n").into_bytes());
    // A stream that is stored somewhere on its way is no live stream.
    Reply::new(200, "text/event-stream", Body::Paced(Paced::new(ticks, TICK)))
        .with_header("cache-control", "no-store")
}

/// The time between two events of [`live`].
pub const TICK: Duration = Duration::from_secs(1);

/// `POST /echo`: the body with the content type it came with.
pub fn echo(content_type: Option<&str>, body: Vec<u8>) -> Reply {
    let content_type = content_type.unwrap_or("application/octet-stream").to_owned();
    Reply::new(200, content_type, Body::Whole(body.into()))
}

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

fn json<T: Serialize + ?Sized>(value: &T) -> Reply {
    let body = serde_json::to_vec(value).expect("strings and numbers always serialise");
    Reply::new(200, JSON, Body::Whole(body.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(reply: &Reply) -> String {
        match &reply.body {
            Body::Whole(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
            Body::Paced(_) => panic!("not a whole body"),
        }
    }

    #[test]
    fn bodies_are_what_the_contract_says() {
        assert_eq!(text(&hello()), r#"{"hello":"world"}"#);
        assert_eq!(text(&waited(250)), r#"{"waited_ms":250}"#);
        assert_eq!(
            text(&events("Portland", "OR", "us")),
            r#"{"city":"Portland","state":"OR","country":"us","name":"Open-air concert in Portland"}"#
        );
    }

    /// Digests from `printf '' | sha256sum`, and of its 32 bytes hashed again.
    #[test]
    fn hashing_starts_at_the_digest_of_nothing_and_chains() {
        assert_eq!(
            text(&hash(0)),
            r#"{"rounds":0,"digest":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}"#
        );
        assert_eq!(
            text(&hash(1)),
            r#"{"rounds":1,"digest":"5df6e0e2761359d30a8275058e299fcc0381534545f55cf43e41983f5d4c9456"}"#
        );
    }

    #[test]
    fn a_stream_numbers_its_lines_and_names_its_pause() {
        let reply = stream(3, 20);
        let Body::Paced(paced) = reply.body else { panic!("a stream is paced") };
        assert_eq!(paced.gap, Duration::from_millis(20));
        let lines: Vec<u8> = paced.chunks.flatten().collect();
        assert_eq!(lines, b"chunk 1 of 3\nchunk 2 of 3\nchunk 3 of 3\n");
    }

    #[test]
    fn echo_keeps_the_content_type_or_falls_back() {
        assert_eq!(echo(Some("text/csv"), vec![1]).headers[0], ("content-type", "text/csv".into()));
        assert_eq!(echo(None, vec![]).headers[0], ("content-type", "application/octet-stream".into()));
    }
}
