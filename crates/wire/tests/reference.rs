//! A second opinion: a reader that sees all bytes at once and is as naive as it can be. Whatever the codec
//! takes, it must read as the same requests; the codec may refuse more.
//!
//! The inputs come from a generator of its own, seeded and bounded, which breaks good requests in ways that
//! have broken servers: a cheap fuzzer that runs the same every time.

mod common;

use common::{Event, serve};

const ROUNDS: u64 = 20_000;

#[test]
fn what_is_taken_is_what_a_naive_reader_sees() {
    let (mut taken, mut refused) = (0, 0);
    for round in 0..ROUNDS {
        let mut random = Random(round);
        let bytes = connection(&mut random);
        let sizes: Vec<usize> = (0..8).map(|_| 1 + random.below(30)).collect();
        let (events, _) = serve(&bytes, &sizes);
        let mut rest = &bytes[..];
        for event in &events {
            let Event::Request { method, target, body, .. } = event else {
                refused += 1;
                break;
            };
            let seen = naive(&mut rest).unwrap_or_else(|| panic!("{events:?}\nfrom {}", shown(&bytes)));
            let expected = (method.clone(), target.clone(), body.clone());
            assert_eq!(seen, expected, "round {round}: {}", shown(&bytes));
            taken += 1;
        }
    }
    // Both outcomes must be common, or this has tested nothing.
    assert!(taken > ROUNDS && refused > ROUNDS / 2, "{taken} taken, {refused} refused");
}

/// Method, target and body of the first request; `rest` then starts behind it.
fn naive(rest: &mut &[u8]) -> Option<(String, String, Vec<u8>)> {
    let bytes = rest.strip_prefix(b"\r\n").unwrap_or(rest);
    let end = find(bytes, b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut after = &bytes[end + 4..];
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let value = |name: &str| {
        let mut values = head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
        values.find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
    };
    let mut body = Vec::new();
    if value("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        loop {
            let size_line = line(&mut after)?;
            let digits: String = size_line.chars().take_while(char::is_ascii_hexdigit).collect();
            let size = usize::from_str_radix(&digits, 16).ok()?;
            if size == 0 {
                while !line(&mut after)?.is_empty() {}
                break;
            }
            body.extend_from_slice(after.get(..size)?);
            after = after[size..].strip_prefix(b"\r\n")?;
        }
    } else if let Some(length) = value("content-length") {
        let length = length.parse().ok()?;
        body.extend_from_slice(after.get(..length)?);
        after = &after[length..];
    }
    *rest = after;
    Some((method, target, body))
}

fn line(rest: &mut &[u8]) -> Option<String> {
    let end = find(rest, b"\r\n")?;
    let line = String::from_utf8_lossy(&rest[..end]).into_owned();
    *rest = &rest[end + 2..];
    Some(line)
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// A few requests in a row, of which about half the time one is broken somewhere.
fn connection(random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..1 + random.below(5) {
        request(random, &mut bytes);
    }
    if random.below(2) == 0 {
        for _ in 0..1 + random.below(3) {
            breakage(random, &mut bytes);
        }
    }
    bytes
}

fn request(random: &mut Random, out: &mut Vec<u8>) {
    let line = random.pick(&["GET /a", "POST /echo", "PUT /b?c=d", "OPTIONS *", "X-Y http://a/"]);
    let host = random.pick(&["host: a", "Host:a", "HOST: a:80 ", "host:\t[::1]:80"]);
    let more = random.pick(&["", "accept: */*\r\n", "x: \u{e9}\r\nempty:\r\n", "connection: te\r\n"]);
    out.extend_from_slice(format!("{line} HTTP/1.1\r\n{host}\r\n{more}").as_bytes());
    let data: Vec<u8> = (0..random.below(40)).map(|_| *random.pick(b"\r\n0:a;")).collect();
    match random.below(3) {
        0 => out.extend_from_slice(b"\r\n"),
        1 => {
            out.extend_from_slice(format!("content-length: {}\r\n\r\n", data.len()).as_bytes());
            out.extend_from_slice(&data);
        }
        _ => {
            out.extend_from_slice(b"transfer-encoding: chunked\r\n\r\n");
            for piece in data.chunks(1 + random.below(20)) {
                let extension = random.pick(&["", ";a", ";a=\"b;c\"", " ;a"]);
                out.extend_from_slice(format!("{:x}{extension}\r\n", piece.len()).as_bytes());
                out.extend_from_slice(piece);
                out.extend_from_slice(b"\r\n");
            }
            out.extend_from_slice(random.pick(&["0\r\n\r\n", "00\r\nt: r\r\n\r\n"]).as_bytes());
        }
    }
}

/// Removes, repeats, replaces or inserts something.
fn breakage(random: &mut Random, bytes: &mut Vec<u8>) {
    const PARTS: &[&str] = &[
        "\r",
        "\n",
        "\r\n",
        "\0",
        " ",
        "\t",
        ":",
        ";",
        "0",
        "5",
        "+",
        "0x",
        "\u{b}",
        "\u{80}",
        "chunked",
        "transfer-encoding: chunked\r\n",
        "content-length: 4\r\n",
        "Content-Length : 4\r\n",
        "HTTP/1.0",
        "0\r\n\r\n",
    ];
    let start = random.below(bytes.len() + 1);
    let end = (start + random.below(12)).min(bytes.len());
    match random.below(4) {
        0 => drop(bytes.drain(start..end)),
        1 => {
            let copy = bytes[start..end].to_vec();
            drop(bytes.splice(end..end, copy));
        }
        2 => drop(bytes.splice(start..(start + 1).min(bytes.len()), random.pick(PARTS).bytes())),
        _ => drop(bytes.splice(start..start, random.pick(PARTS).bytes())),
    }
}

fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// `SplitMix64`: small, and the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}
