//! What an application is told about a request, under the names that CGI gave it.
//!
//! Python makes a dictionary of some forty entries for every request. Here the parts stay where the server
//! has them, and [`Environ::get`] answers to the dictionary's keys.

use std::borrow::Cow;
use std::fmt;
use std::io::Read;
use std::net::SocketAddr;

use percent_encoding::percent_decode;

/// A request, and the reader of its body.
pub struct Environ<'a> {
    /// `REQUEST_METHOD`.
    pub method: &'a str,
    /// `REQUEST_URI`: as it came over the wire, still percent-encoded.
    pub target: &'a str,
    /// Names and values in the order in which they came.
    pub headers: Vec<(&'a str, &'a str)>,
    /// `CONTENT_LENGTH`, checked to be a number. `None` without a body, and for a chunked one.
    pub content_length: Option<u64>,
    /// `REMOTE_ADDR` and `REMOTE_PORT`.
    pub remote: SocketAddr,
    /// `SERVER_NAME` and `SERVER_PORT`.
    pub server: SocketAddr,
    /// `wsgi.input`. Reading blocks the thread until the client has sent something, and ends with the body
    /// (`wsgi.input_terminated`); a body that ends too early is an error.
    pub input: &'a mut (dyn Read + 'a),
}

impl Environ<'_> {
    /// The value of a key of PEP 3333, as `environ.get(key)`. `SERVER_PROTOCOL` is what the server speaks:
    /// rouille does not say what the client does.
    pub fn get(&self, key: &str) -> Option<Cow<'_, str>> {
        let flag = |is_set: bool| Some(Cow::Borrowed(if is_set { "true" } else { "false" }));
        match key {
            "REQUEST_METHOD" => Some(self.method.into()),
            "REQUEST_URI" => Some(self.target.into()),
            // Applications are mounted at the root here.
            "SCRIPT_NAME" => Some("".into()),
            "PATH_INFO" => Some(self.path_info()),
            "QUERY_STRING" => Some(self.target.split_once('?').map_or("", |(_, query)| query).into()),
            "CONTENT_TYPE" => self.header("content-type").map(Cow::Borrowed),
            "CONTENT_LENGTH" => self.content_length.map(|length| length.to_string().into()),
            "SERVER_NAME" => Some(self.server.ip().to_string().into()),
            "SERVER_PORT" => Some(self.server.port().to_string().into()),
            "SERVER_PROTOCOL" => Some("HTTP/1.1".into()),
            "REMOTE_ADDR" => Some(self.remote.ip().to_string().into()),
            "REMOTE_PORT" => Some(self.remote.port().to_string().into()),
            "wsgi.version" => Some("1.0".into()),
            "wsgi.url_scheme" => Some("http".into()),
            "wsgi.multithread" | "wsgi.input_terminated" => flag(true),
            "wsgi.multiprocess" | "wsgi.run_once" => flag(false),
            // These two have names of their own, above.
            "HTTP_CONTENT_TYPE" | "HTTP_CONTENT_LENGTH" => None,
            _ => self.joined(key.strip_prefix("HTTP_")?),
        }
    }

    /// The first header of this name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    /// The path, decoded: once this is done, `%2F` and `/` are one. That is how CGI has it, and why the views
    /// read `target` instead.
    fn path_info(&self) -> Cow<'_, str> {
        let target = self
            .target
            .strip_prefix("http://")
            .map_or(self.target, |rest| rest.find('/').map_or("/", |slash| &rest[slash..]));
        let path = target.split_once('?').map_or(target, |(path, _)| path);
        percent_decode(path.as_bytes()).decode_utf8_lossy()
    }

    /// All headers of a name in CGI's spelling (`X_REQUEST_ID`), joined as RFC 9110 section 5.3 has it.
    fn joined(&self, cgi_name: &str) -> Option<Cow<'_, str>> {
        let is_it = |name: &str| {
            name.len() == cgi_name.len()
                && name.bytes().zip(cgi_name.bytes()).all(|(have, want)| match want {
                    b'_' => have == b'-',
                    _ => have.to_ascii_uppercase() == want,
                })
        };
        let mut values = self.headers.iter().filter(|(name, _)| is_it(name)).map(|(_, value)| *value);
        let first = Cow::Borrowed(values.next()?);
        Some(values.fold(first, |all, value| format!("{all}, {value}").into()))
    }
}

impl fmt::Debug for Environ<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environ")
            .field("method", &self.method)
            .field("target", &self.target)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_cgi_are_answered() {
        let environ = Environ {
            method: "POST",
            target: "/S%C3%A3o%20Paulo?zip=1&b",
            headers: vec![
                ("Content-Type", "text/csv"),
                ("content-length", "3"),
                ("X-Request-Id", "me"),
                ("Accept", "a/b"),
                ("accept", "c/d"),
            ],
            content_length: Some(3),
            remote: ([127, 0, 0, 1], 4_000).into(),
            server: ([127, 0, 0, 1], 8_001).into(),
            input: &mut std::io::empty(),
        };
        for (key, value) in [
            ("REQUEST_METHOD", Some("POST")),
            ("SCRIPT_NAME", Some("")),
            ("PATH_INFO", Some("/São Paulo")),
            ("QUERY_STRING", Some("zip=1&b")),
            ("CONTENT_TYPE", Some("text/csv")),
            ("CONTENT_LENGTH", Some("3")),
            ("SERVER_NAME", Some("127.0.0.1")),
            ("SERVER_PORT", Some("8001")),
            ("REMOTE_ADDR", Some("127.0.0.1")),
            ("HTTP_X_REQUEST_ID", Some("me")),
            ("HTTP_ACCEPT", Some("a/b, c/d")),
            ("HTTP_CONTENT_TYPE", None),
            ("HTTP_COOKIE", None),
            ("wsgi.multithread", Some("true")),
            ("wsgi.run_once", Some("false")),
            ("nonsense", None),
        ] {
            assert_eq!(environ.get(key).as_deref(), value, "{key}");
        }
    }

    #[test]
    fn an_absolute_target_has_a_path_too() {
        let path_info = |target| {
            let (remote, server) = (([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 2).into());
            let (headers, input) = (Vec::new(), &mut std::io::empty());
            let environ =
                Environ { method: "GET", target, headers, content_length: None, remote, server, input };
            environ.get("PATH_INFO").unwrap().into_owned()
        };
        assert_eq!(path_info("http://localhost:8001/hello?a"), "/hello");
        assert_eq!(path_info("http://localhost:8001"), "/");
    }
}
