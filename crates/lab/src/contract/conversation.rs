//! A conversation: what is said on one connection, byte for byte, and what must be heard in between.
//!
//! The cases of [`conformance`](super::conformance) are made of these.

use std::io;
use std::time::Duration;

use super::http::{Connection, Response, is_over};
use super::known::Known;

/// One case of conformance.
#[derive(Debug, Clone)]
pub struct Conversation {
    /// Reads as a sentence after "a server".
    pub name: String,
    /// Where it is written: `RFC 9112, 6.3`.
    pub section: &'static str,
    /// In this order, on a new connection.
    pub steps: Vec<Step>,
    /// Who does something else.
    pub known: Vec<Known>,
}

/// One turn.
#[derive(Debug, Clone)]
pub enum Step {
    /// Send these bytes.
    Send(Vec<u8>),
    /// Send these bytes a few at a time, so that the server sees them in pieces.
    Dribble(Vec<u8>),
    /// Half-close: nothing more will be sent.
    EndSending,
    /// The next head must have this status, `100 Continue` or a final one.
    Head(u16),
    /// This answer must come.
    Answer(Answer),
    /// The first bytes must come before the second do.
    Before(&'static [u8], &'static [u8]),
    /// The request must be refused: one answer that says so, or the end of the connection. Whatever else
    /// was sent is not a request, and must not be answered as one.
    Refusal,
    /// Either a refusal or this answer; and nothing after it.
    AnswerOrRefusal(Answer),
    /// The connection must be usable again: a request on it is answered.
    Open,
    /// Who comes next must be answered rightly: on this connection, or the last answer said that it would
    /// close and it does. (A server may close whenever it likes, if it says so.)
    InStep,
    /// The connection must end, with nothing more on it.
    Closed,
}

/// What an answer must be.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// HTTP status code.
    pub status: u16,
    /// The whole body.
    pub body: Option<Vec<u8>>,
    /// Headers, names in lower case: this value (in any case), or not there at all.
    pub headers: Vec<(&'static str, Option<&'static str>)>,
    /// The request was `HEAD`: no body comes, whatever the head says.
    pub to_head: bool,
}

/// After a refusal nothing should come. A second answer to bytes that were sent together with the first
/// request would come at once; this is how long to listen for it.
const QUIET: Duration = Duration::from_millis(400);

/// Between two pieces of what is dribbled.
const PIECE_GAP: Duration = Duration::from_millis(2);

impl Conversation {
    /// Holds it.
    ///
    /// # Errors
    /// What was heard instead.
    pub fn hold(&self, connection: &mut Connection) -> Result<(), String> {
        let mut last = None;
        self.steps.iter().try_for_each(|step| step.take(connection, &mut last))
    }
}

impl Step {
    fn take(&self, connection: &mut Connection, last: &mut Option<Response>) -> Result<(), String> {
        match self {
            // A server that has heard enough may be gone already; what it said meanwhile is what counts.
            Self::Send(bytes) => drop(connection.send(bytes)),
            Self::Dribble(bytes) => dribble(connection, bytes),
            Self::EndSending => connection.end_sending(),
            Self::Head(status) => match connection.next_head() {
                Ok(head) if head.status == *status => {}
                Ok(head) => return Err(format!("status {} where {status} should come", head.status)),
                Err(error) => return Err(format!("no head with status {status}: {error}")),
            },
            Self::Answer(answer) => *last = Some(answer.hear(connection)?),
            Self::Before(first, second) => before(connection, first, second)?,
            Self::Refusal => refusal(connection, None)?,
            Self::AnswerOrRefusal(answer) => refusal(connection, Some(answer))?,
            Self::Open => *last = Some(hello(connection)?),
            Self::InStep if last.as_ref().is_some_and(says_close) => closed(connection)?,
            Self::InStep => *last = Some(hello(connection)?),
            Self::Closed => closed(connection)?,
        }
        Ok(())
    }
}

impl Answer {
    fn hear(&self, connection: &mut Connection) -> Result<Response, String> {
        let response = connection
            .response(self.to_head)
            .map_err(|error| format!("no answer with status {}: {error}", self.status))?;
        self.check(&response)?;
        Ok(response)
    }

    fn check(&self, response: &Response) -> Result<(), String> {
        if response.status != self.status {
            return Err(format!("status {} instead of {}", response.status, self.status));
        }
        for (name, value) in &self.headers {
            match (response.header(name), value) {
                (Some(found), Some(value)) if found.eq_ignore_ascii_case(value) => {}
                (None, None) => {}
                (Some(found), Some(value)) => {
                    return Err(format!("header {name}: {found} instead of {value}"));
                }
                (None, Some(value)) => return Err(format!("no header {name}; it should be {value}")),
                (Some(found), None) => {
                    return Err(format!("header {name}: {found}, which must not be there"));
                }
            }
        }
        match &self.body {
            Some(body) if *body != response.body => Err(format!(
                "a body of {} bytes ({}) instead of {} bytes ({})",
                response.body.len(),
                cut(&response.body),
                body.len(),
                cut(body),
            )),
            _ => Ok(()),
        }
    }
}

fn dribble(connection: &mut Connection, bytes: &[u8]) {
    // Of unequal lengths, so that no border is always hit, nor always missed.
    let mut rest = bytes;
    for size in [1, 2, 3, 5, 7].iter().cycle() {
        let (piece, after) = rest.split_at((*size).min(rest.len()));
        if piece.is_empty() || connection.send(piece).is_err() {
            return;
        }
        std::thread::sleep(PIECE_GAP);
        rest = after;
    }
}

fn before(connection: &mut Connection, first: &[u8], second: &[u8]) -> Result<(), String> {
    let got = connection.until(first).map_err(|error| format!("waiting for {}: {error}", cut(first)))?;
    if contains(&got, second) {
        return Err(format!("{} came together with {}", cut(second), cut(first)));
    }
    connection.until(second).map_err(|error| format!("waiting for {}: {error}", cut(second)))?;
    Ok(())
}

fn refusal(connection: &mut Connection, allowed: Option<&Answer>) -> Result<(), String> {
    let to_head = allowed.is_some_and(|answer| answer.to_head);
    match connection.response(to_head) {
        // Closed without a word.
        Err(error) if is_over(&error) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && !connection.has_more() => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::TimedOut && !connection.has_more() => {
            return Err("neither answered nor closed".into());
        }
        Err(error) => return Err(error.to_string()),
        Ok(response) if is_refusal(response.status) => {}
        Ok(response) => match allowed {
            Some(answer) => answer.check(&response)?,
            None => return Err(format!("answered with status {} instead of a refusal", response.status)),
        },
    }
    // That it closes is wise, that nothing more is answered is what matters.
    connection.ends_within(QUIET).map_err(|error| error.to_string())?;
    if connection.has_more() {
        let second = connection
            .response(false)
            .map_or_else(|error| error.to_string(), |second| format!("status {}", second.status));
        return Err(format!("answered twice; the second answer: {second}"));
    }
    Ok(())
}

/// 500 would be an accident, and 502 to 504 somebody else's.
fn is_refusal(status: u16) -> bool {
    matches!(status, 400..=499 | 501 | 505)
}

fn says_close(response: &Response) -> bool {
    let options = response.header("connection").unwrap_or_default();
    options.split(',').any(|option| option.trim().eq_ignore_ascii_case("close"))
}

fn closed(connection: &mut Connection) -> Result<(), String> {
    let patience = connection.deadline();
    match connection.ends_within(patience) {
        Ok(true) => Ok(()),
        Ok(false) if connection.has_more() => {
            Err("something was sent where the connection should end".into())
        }
        Ok(false) => Err(format!("the connection was still open after {} s", patience.as_secs_f64())),
        Err(error) => Err(error.to_string()),
    }
}

fn hello(connection: &mut Connection) -> Result<Response, String> {
    // Should it be closed, reading says so.
    drop(connection.send(b"GET /hello HTTP/1.1\r\nhost: localhost\r\n\r\n"));
    let expected = Answer { status: 200, body: Some(br#"{"hello":"world"}"#.to_vec()), ..Answer::default() };
    expected.hear(connection).map_err(|why| format!("the next request on the connection: {why}"))
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn cut(bytes: &[u8]) -> String {
    let more = if bytes.len() > 100 { " …" } else { "" };
    format!("{}{more}", bytes[..bytes.len().min(100)].escape_ascii())
}
