//! The slow services, as a test wants them: right, wrong, silent or gone.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// What becomes of one request.
#[derive(Debug, Clone)]
pub enum Act {
    /// An answer with a length; the connection stays.
    Answer(u16, String),
    /// These bytes, whatever they are, and the end of the connection.
    Raw(Vec<u8>),
    /// The end of the connection without an answer.
    Close,
    /// The same, as a reset.
    Reset,
    /// Nothing, for as long as the client waits.
    Stall,
}

/// A request as the fake sees it.
pub struct Asked<'a> {
    /// Path and query.
    pub target: &'a str,
    /// 1 for the first on its connection.
    pub nth: usize,
}

/// Starts services that act as told, until the test's process ends.
pub fn start(act: impl Fn(Asked<'_>) -> Act + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let addr = listener.local_addr().expect("an address");
    let act = Arc::new(act);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let act = Arc::clone(&act);
            thread::spawn(move || serve(stream, &*act));
        }
    });
    addr
}

/// Services that are right.
pub fn right(asked: &Asked<'_>) -> Act {
    let path = asked.target.split('?').next();
    Act::Answer(
        200,
        match path {
            Some("/location") => r#"{"lat":45.5,"lng":-122.6875}"#.into(),
            Some("/sun") => SUN.into(),
            Some("/weather") => WEATHER.into(),
            _ => return Act::Answer(404, "{}".into()),
        },
    )
}

/// What the sun service answers.
pub const SUN: &str = concat!(
    r#"{"sunrise":"05:20:01 AM","sunset":"08:10:02 PM","solar_noon":"12:45:03 PM","day_length":"14:50:01","#,
    r#""civil_twilight_begin":"04:48:04 AM","civil_twilight_end":"08:42:05 PM","#,
    r#""nautical_twilight_begin":"04:07:06 AM","nautical_twilight_end":"09:23:07 PM","#,
    r#""astronomical_twilight_begin":"03:21:08 AM","astronomical_twilight_end":"10:09:09 PM"}"#
);

/// With blanks and a number that a parser would change: it must come through byte for byte.
/// What the weather service answers.
pub const WEATHER: &str = r#"{ "temp_c": 21.50,  "sky": "clear" }"#;

fn serve(stream: TcpStream, act: &dyn Fn(Asked<'_>) -> Act) -> Option<()> {
    let mut stream = BufReader::new(stream);
    for nth in 1.. {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        let target = head.split(' ').nth(1)?;
        match act(Asked { target, nth }) {
            Act::Answer(status, body) => {
                let length = body.len();
                let answer = format!("HTTP/1.1 {status} So\r\ncontent-length: {length}\r\n\r\n{body}");
                stream.get_mut().write_all(answer.as_bytes()).ok()?;
            }
            Act::Raw(bytes) => return stream.get_mut().write_all(&bytes).ok(),
            Act::Close => return None,
            Act::Reset => {
                // A lingering time of zero makes closing a reset.
                rustix::net::sockopt::set_socket_linger(stream.get_ref(), Some(std::time::Duration::ZERO))
                    .ok()?;
                return None;
            }
            Act::Stall => {
                // The client's end is the only thing that can end this.
                let _ = stream.fill_buf();
                return None;
            }
        }
    }
    None
}
