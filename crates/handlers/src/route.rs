//! The request line, read once for every server: method and target in, a validated [`Route`] out.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};

use crate::Problem;

/// Every path of the HTTP contract, with its parameters checked. Each server answers it with one
/// exhaustive `match`, so that a new route does not build until all of them do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// `GET /`: a welcome.
    Welcome,
    /// `GET /hello`: the cheapest JSON there is.
    Hello,
    /// `GET /wait/{ms}`: one wait inside the server.
    Wait {
        /// 0 to 60,000.
        ms: u32,
    },
    /// `GET /hash/{rounds}`: CPU and nothing else.
    Hash {
        /// 0 to 5,000,000 chained SHA-256 rounds.
        rounds: u32,
    },
    /// `GET /api/sun/{zip}/{country}`: two upstream calls, the second needs the first.
    Sun(Place),
    /// `GET /api/weather/{zip}/{country}`: one upstream call.
    Weather(Place),
    /// `GET /api/events/{city}/{state}/{country}`: no waiting.
    Events {
        /// Decoded, 1 to 80 characters.
        city: String,
        /// Decoded, 1 to 80 characters.
        state: String,
        /// Two letters, lower case.
        country: String,
    },
    /// `GET /api/city/{zip}/{country}`: sun and weather, a fan-out.
    City(Place),
    /// `GET /stream/{chunks}/{ms}`: a body that is made while it is sent.
    Stream {
        /// 1 to 1,000.
        chunks: u32,
        /// The pause before every chunk but the first, 0 to 10,000.
        gap_ms: u32,
    },
    /// `GET /live`: server-sent events, a tick a second for as long as the client stays.
    Live,
    /// `POST /echo`: the body comes back.
    Echo,
}

/// A postal code and a country, as the location service wants them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// 1 to 10 letters, digits, spaces or hyphens.
    pub zip: String,
    /// Two letters, lower case.
    pub country: String,
}

impl Route {
    /// Reads a request line. `target` is the request target as it came over the wire (origin form or
    /// absolute form, still percent-encoded); a query is allowed and ignored. `HEAD` is read as `GET`.
    ///
    /// # Errors
    /// 404 for a path that does not exist, 405 for the wrong method, 400 for a bad parameter, in this order.
    pub fn parse(method: &str, target: &[u8]) -> Result<Self, Problem> {
        let path = path_of(target);
        let Some(rest) = path.strip_prefix(b"/") else {
            return Err(Problem::BadRequest("a request target starts with \"/\"".into()));
        };
        // No route has more than five segments; a sixth says that the path is longer than any of them.
        let mut segments: [&[u8]; 6] = [b""; 6];
        let mut count = 0;
        for segment in rest.split(|&byte| byte == b'/').take(segments.len()) {
            segments[count] = segment;
            count += 1;
        }
        let is_get = matches!(method, "GET" | "HEAD");
        let get = |route: fn(&[&[u8]]) -> Result<Self, Problem>, parameters: &[&[u8]]| {
            if is_get { route(parameters) } else { Err(Problem::MethodNotAllowed { allow: "GET, HEAD" }) }
        };
        match &segments[..count] {
            [b""] => get(|_| Ok(Self::Welcome), &[]),
            [b"hello"] => get(|_| Ok(Self::Hello), &[]),
            [b"wait", ms] => get(|p| Ok(Self::Wait { ms: whole("ms", p[0], 0, 60_000)? }), &[ms]),
            [b"hash", rounds] => {
                get(|p| Ok(Self::Hash { rounds: whole("rounds", p[0], 0, 5_000_000)? }), &[rounds])
            }
            [b"stream", chunks, ms] => get(
                |p| {
                    Ok(Self::Stream {
                        chunks: whole("chunks", p[0], 1, 1_000)?,
                        gap_ms: whole("ms", p[1], 0, 10_000)?,
                    })
                },
                &[chunks, ms],
            ),
            [b"api", b"sun", zip, country] => get(|p| Place::parse(p).map(Self::Sun), &[zip, country]),
            [b"api", b"weather", zip, country] => {
                get(|p| Place::parse(p).map(Self::Weather), &[zip, country])
            }
            [b"api", b"city", zip, country] => get(|p| Place::parse(p).map(Self::City), &[zip, country]),
            [b"api", b"events", city, state, country] => get(
                |p| {
                    Ok(Self::Events {
                        city: name("city", p[0])?,
                        state: name("state", p[1])?,
                        country: country_code(p[2])?,
                    })
                },
                &[city, state, country],
            ),
            [b"live"] => get(|_| Ok(Self::Live), &[]),
            [b"echo"] if method == "POST" => Ok(Self::Echo),
            [b"echo"] => Err(Problem::MethodNotAllowed { allow: "POST" }),
            _ => Err(Problem::NotFound(format!("no such path: {}", quoted(path)))),
        }
    }

    /// How long the route asks the server to wait by itself, upstream calls not counted. Load tools
    /// divide by it; the figure that counts is the wait that was measured.
    pub fn wait(&self) -> Duration {
        match self {
            Self::Wait { ms } => Duration::from_millis((*ms).into()),
            Self::Stream { chunks, gap_ms } => {
                Duration::from_millis(u64::from(chunks - 1) * u64::from(*gap_ms))
            }
            _ => Duration::ZERO,
        }
    }
}

impl Place {
    fn parse(parameters: &[&[u8]]) -> Result<Self, Problem> {
        Ok(Self { zip: zip(parameters[0])?, country: country_code(parameters[1])? })
    }
}

impl fmt::Display for Route {
    /// The request target that parses back to this route.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Welcome => f.write_str("/"),
            Self::Hello => f.write_str("/hello"),
            Self::Wait { ms } => write!(f, "/wait/{ms}"),
            Self::Hash { rounds } => write!(f, "/hash/{rounds}"),
            Self::Sun(place) => write!(f, "/api/sun/{place}"),
            Self::Weather(place) => write!(f, "/api/weather/{place}"),
            Self::City(place) => write!(f, "/api/city/{place}"),
            Self::Events { city, state, country } => {
                write!(f, "/api/events/{}/{}/{country}", encoded(city), encoded(state))
            }
            Self::Stream { chunks, gap_ms } => write!(f, "/stream/{chunks}/{gap_ms}"),
            Self::Live => f.write_str("/live"),
            Self::Echo => f.write_str("/echo"),
        }
    }
}

impl fmt::Display for Place {
    /// Zip and country as two path segments.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", encoded(&self.zip), self.country)
    }
}

/// Characters that stand for themselves in a path segment or a query value (RFC 3986, "unreserved").
const NOT_UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Percent-encodes text for use in a path segment or a query value.
pub(crate) fn encoded(text: &str) -> impl fmt::Display + '_ {
    utf8_percent_encode(text, NOT_UNRESERVED)
}

/// The path of a request target: the absolute form (`http://host/path`), which every HTTP/1.1 server
/// has to take, and the query are cut off.
fn path_of(target: &[u8]) -> &[u8] {
    let origin = match target.strip_prefix(b"http://") {
        Some(rest) => match rest.iter().position(|&byte| byte == b'/') {
            Some(slash) => &rest[slash..],
            None => b"/",
        },
        None => target,
    };
    origin.split(|&byte| byte == b'?').next().unwrap_or_default()
}

fn whole(what: &str, segment: &[u8], least: u32, most: u32) -> Result<u32, Problem> {
    std::str::from_utf8(segment)
        .ok()
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|digits| digits.parse().ok())
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| {
            Problem::BadRequest(format!(
                "{what} must be a whole number from {least} to {most}, not {}",
                quoted(segment)
            ))
        })
}

fn zip(segment: &[u8]) -> Result<String, Problem> {
    let text = decoded("zip", segment)?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == ' ' || c == '-';
    if (1..=10).contains(&text.len()) && text.chars().all(allowed) {
        Ok(text.into_owned())
    } else {
        Err(Problem::BadRequest(format!(
            "zip must be 1 to 10 letters, digits, spaces or hyphens, not {}",
            quoted(segment)
        )))
    }
}

fn country_code(segment: &[u8]) -> Result<String, Problem> {
    let text = decoded("country", segment)?;
    if text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(Problem::BadRequest(format!(
            "country must be two letters, as in \"us\", not {}",
            quoted(segment)
        )))
    }
}

fn name(what: &str, segment: &[u8]) -> Result<String, Problem> {
    let text = decoded(what, segment)?;
    if (1..=80).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
        Ok(text.into_owned())
    } else {
        Err(Problem::BadRequest(format!(
            "{what} must have 1 to 80 printable characters, not {}",
            quoted(segment)
        )))
    }
}

fn decoded<'a>(what: &str, segment: &'a [u8]) -> Result<Cow<'a, str>, Problem> {
    // The library leaves a stray "%" as it is; a contract has to refuse it.
    let is_escaped =
        |at: usize| segment.get(at + 1..at + 3).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit));
    if segment.iter().enumerate().any(|(at, &byte)| byte == b'%' && !is_escaped(at)) {
        return Err(Problem::BadRequest(format!(
            "{what} has a \"%\" without two hexadecimal digits: {}",
            quoted(segment)
        )));
    }
    percent_decode(segment)
        .decode_utf8()
        .map_err(|_| Problem::BadRequest(format!("{what} is not UTF-8 once decoded: {}", quoted(segment))))
}

/// What the client sent, cut short, for an error message.
fn quoted(bytes: &[u8]) -> String {
    const MOST: usize = 60;
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(MOST)]).into_owned();
    let more = if bytes.len() > MOST { "…" } else { "" };
    format!("\"{shown}{more}\"")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn get(target: &str) -> Result<Route, Problem> {
        Route::parse("GET", target.as_bytes())
    }

    fn status(method: &str, target: &str) -> u16 {
        Route::parse(method, target.as_bytes()).unwrap_err().status()
    }

    #[test]
    fn paths_are_read_with_query_absolute_form_and_head() {
        assert_eq!(get("/"), Ok(Route::Welcome));
        assert_eq!(get("/wait/250?why=not"), Ok(Route::Wait { ms: 250 }));
        assert_eq!(get("http://localhost:8000/hello"), Ok(Route::Hello));
        assert_eq!(get("http://localhost:8000"), Ok(Route::Welcome));
        assert_eq!(Route::parse("HEAD", b"/hello"), Ok(Route::Hello));
        assert_eq!(Route::parse("POST", b"/echo"), Ok(Route::Echo));
    }

    #[test]
    fn places_are_decoded_and_normalised() {
        let place = Place { zip: "SW1A 1AA".into(), country: "gb".into() };
        assert_eq!(get("/api/sun/SW1A%201AA/GB"), Ok(Route::Sun(place)));
        let events = Route::Events { city: "São Paulo".into(), state: "a/b".into(), country: "br".into() };
        assert_eq!(get("/api/events/S%C3%A3o%20Paulo/a%2Fb/br"), Ok(events));
    }

    #[test]
    fn limits_are_inclusive_and_beyond_them_is_400() {
        assert_eq!(get("/wait/60000"), Ok(Route::Wait { ms: 60_000 }));
        assert_eq!(get("/hash/5000000"), Ok(Route::Hash { rounds: 5_000_000 }));
        assert_eq!(get("/stream/1000/10000"), Ok(Route::Stream { chunks: 1_000, gap_ms: 10_000 }));
        for target in [
            "/wait/60001",
            "/wait/-1",
            "/wait/+1",
            "/wait/",
            "/wait/abc",
            "/wait/99999999999999999999",
            "/hash/5000001",
            "/stream/0/1",
            "/stream/1001/1",
            "/stream/1/10001",
            "/api/sun/97201/usa",
            "/api/sun//us",
            "/api/sun/97201/u%2",
            "/api/events/%ff/or/us",
            "/api/events/a%0ab/or/us",
        ] {
            assert_eq!(status("GET", target), 400, "{target}");
        }
    }

    #[test]
    fn an_unknown_path_is_404_whatever_the_method_and_a_wrong_method_is_405() {
        for target in ["/nothing", "/hello/", "//hello", "/api/sun/97201/us/more", "/a/b/c/d/e/f/g"] {
            assert_eq!(status("GET", target), 404, "{target}");
            assert_eq!(status("DELETE", target), 404, "{target}");
        }
        assert_eq!(
            Route::parse("POST", b"/wait/oops"),
            Err(Problem::MethodNotAllowed { allow: "GET, HEAD" })
        );
        assert_eq!(Route::parse("GET", b"/echo"), Err(Problem::MethodNotAllowed { allow: "POST" }));
    }

    fn any_place() -> impl Strategy<Value = Place> {
        ("[A-Za-z0-9 -]{1,10}", "[a-z]{2}").prop_map(|(zip, country)| Place { zip, country })
    }

    fn any_route() -> impl Strategy<Value = Route> {
        prop_oneof![
            Just(Route::Welcome),
            Just(Route::Hello),
            (0..=60_000_u32).prop_map(|ms| Route::Wait { ms }),
            (0..=5_000_000_u32).prop_map(|rounds| Route::Hash { rounds }),
            any_place().prop_map(Route::Sun),
            any_place().prop_map(Route::Weather),
            any_place().prop_map(Route::City),
            ("\\PC{1,80}", "\\PC{1,80}", "[a-z]{2}").prop_map(|(city, state, country)| Route::Events {
                city,
                state,
                country
            }),
            (1..=1_000_u32, 0..=10_000_u32).prop_map(|(chunks, gap_ms)| Route::Stream { chunks, gap_ms }),
            Just(Route::Echo),
        ]
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_route_or_a_problem(method in "\\PC{0,8}", target in any::<Vec<u8>>()) {
            let _ = Route::parse(&method, &target);
            let mut rooted = b"/api/events/".to_vec();
            rooted.extend(target);
            let _ = Route::parse("GET", &rooted);
        }

        #[test]
        fn a_printed_route_parses_back(route in any_route()) {
            let method = if route == Route::Echo { "POST" } else { "GET" };
            prop_assert_eq!(Route::parse(method, route.to_string().as_bytes()), Ok(route));
        }
    }
}
