//! The contract of `wsgi`, kept by the gateway on one side and checked by the validator on the other.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use blocking_server::application::Views;
use blocking_server::client::Client;
use blocking_server::config::Config;
use blocking_server::wsgi::{
    AlreadyStarted, Application, Body, Chunk, Complaint, Delivered, Environ, Hooked, ResponseHead,
    StartResponse, Started, Validator, Whole,
};
use blocking_server::{Running, host, views};
use handlers::hooks::Hooks;

/// An application that is a closure: it starts what it wants and returns the chunks of a body.
struct Scripted<F> {
    act: F,
    closed: Arc<Mutex<Vec<Delivered>>>,
}

struct ScriptedBody {
    items: VecDeque<io::Result<Chunk>>,
    length: Option<u64>,
    closed: Arc<Mutex<Vec<Delivered>>>,
}

impl<F> Application for Scripted<F>
where
    F: Fn(&mut Environ<'_>, &mut dyn StartResponse) -> (Option<u64>, Vec<io::Result<Chunk>>)
        + Send
        + Sync
        + 'static,
{
    type Body = ScriptedBody;

    fn call(&self, environ: &mut Environ<'_>, start: &mut dyn StartResponse) -> ScriptedBody {
        let (length, items) = (self.act)(environ, start);
        ScriptedBody { items: items.into(), length, closed: Arc::clone(&self.closed) }
    }
}

impl Iterator for ScriptedBody {
    type Item = io::Result<Chunk>;

    fn next(&mut self) -> Option<Self::Item> {
        self.items.pop_front()
    }
}

impl Body for ScriptedBody {
    fn length(&self) -> Option<u64> {
        self.length
    }

    fn close(&mut self, delivered: Delivered) {
        self.closed.lock().unwrap().push(delivered);
    }
}

fn text_head(status: u16) -> ResponseHead {
    ResponseHead { status, headers: vec![("content-type", "text/plain".into())] }
}

fn chunk(text: &'static str) -> io::Result<Chunk> {
    Ok(text.as_bytes().into())
}

fn start(app: impl Application) -> Running {
    host(Config { port: 0, ..Config::default() }, app).unwrap()
}

/// Sends a request that closes its connection, and returns everything that comes.
fn ask(server: &Running, request_line: &str) -> String {
    let mut stream = TcpStream::connect(server.addr).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(stream, "{request_line} HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n").unwrap();
    let mut reply = String::new();
    let _ = stream.read_to_string(&mut reply);
    reply
}

/// Asks an application for a response over the network; returns it, and how its body was closed.
fn exchange<F>(request_line: &str, act: F) -> (String, Vec<Delivered>)
where
    F: Fn(&mut Environ<'_>, &mut dyn StartResponse) -> (Option<u64>, Vec<io::Result<Chunk>>)
        + Send
        + Sync
        + 'static,
{
    let closed = Arc::default();
    let server = start(Scripted { act, closed: Arc::clone(&closed) });
    let reply = ask(&server, request_line);
    server.stop().unwrap();
    let closed = closed.lock().unwrap().clone();
    (reply, closed)
}

#[test]
fn a_body_is_closed_once_after_success_error_and_head() {
    let (reply, closed) = exchange("GET /", |_, start| {
        start.start_response(text_head(200), None).unwrap();
        (Some(6), vec![chunk("abc"), chunk(""), chunk("def")])
    });
    assert!(reply.starts_with("HTTP/1.1 200 OK\r\n") && reply.ends_with("\r\n\r\nabcdef"), "{reply}");
    assert_eq!(closed, [Delivered { bytes: 6, complete: true }]);

    // Without a length the body is chunked, and cut where it fails: no last chunk.
    let (reply, closed) = exchange("GET /", |_, start| {
        start.start_response(text_head(200), None).unwrap();
        (None, vec![chunk("abc"), Err(io::Error::other("lost"))])
    });
    assert!(reply.ends_with("\r\n\r\n3\r\nabc\r\n"), "{reply}");
    assert_eq!(closed, [Delivered { bytes: 3, complete: false }]);

    let (reply, closed) = exchange("HEAD /", |_, start| {
        start.start_response(text_head(200), None).unwrap();
        (Some(3), vec![chunk("abc")])
    });
    assert!(
        reply.to_ascii_lowercase().contains("content-length: 3\r\n") && reply.ends_with("\r\n\r\n"),
        "{reply}"
    );
    assert_eq!(closed, [Delivered { bytes: 0, complete: true }]);
}

#[test]
fn a_body_is_closed_when_the_client_leaves_early() {
    let closed: Arc<Mutex<Vec<Delivered>>> = Arc::default();
    let big = vec![b'x'; 64 << 20];
    let act = move |_: &mut Environ<'_>, start: &mut dyn StartResponse| {
        start.start_response(text_head(200), None).unwrap();
        (Some(big.len() as u64), vec![Ok(big.clone().into())])
    };
    let server = start(Scripted { act, closed: Arc::clone(&closed) });
    let mut stream = TcpStream::connect(server.addr).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: t\r\n\r\n").unwrap();
    stream.read_exact(&mut [0; 1_000]).unwrap();
    drop(stream);
    let give_up = Instant::now() + Duration::from_secs(20);
    while closed.lock().unwrap().is_empty() {
        assert!(Instant::now() < give_up, "never closed");
        std::thread::sleep(Duration::from_millis(5));
    }
    let closed = closed.lock().unwrap().clone();
    assert_eq!(closed.len(), 1);
    assert!(!closed[0].complete && closed[0].bytes < 64 << 20, "{closed:?}");
    server.stop().unwrap();
}

#[test]
fn until_the_first_chunk_a_failure_is_a_500() {
    let (reply, closed) = exchange("GET /", |_, start| {
        start.start_response(text_head(200), None).unwrap();
        (None, vec![chunk(""), Err(io::Error::other("lost"))])
    });
    assert!(reply.starts_with("HTTP/1.1 500 ") && reply.contains("application/problem+json"), "{reply}");
    assert_eq!(closed, [Delivered { bytes: 0, complete: false }]);

    let (reply, closed) = exchange("GET /", |_, _| (Some(3), vec![chunk("abc")]));
    assert!(reply.starts_with("HTTP/1.1 500 "), "nothing was started: {reply}");
    assert_eq!(closed.len(), 1);
}

#[test]
fn a_response_is_started_again_only_because_of_an_error() {
    let (reply, _) = exchange("GET /", |_, start| {
        start.start_response(text_head(200), None).unwrap();
        assert_eq!(start.start_response(text_head(201), None), Err(AlreadyStarted));
        let error = io::Error::other("changed its mind");
        start.start_response(text_head(503), Some(&error)).unwrap();
        (Some(0), vec![])
    });
    assert!(reply.starts_with("HTTP/1.1 503 "), "{reply}");

    let mut started = Started::default();
    started.start_response(text_head(200), None).unwrap();
    started.start_response(text_head(201), None).unwrap_err();
    assert_eq!(started.into_head(), Some(text_head(200)));
}

#[test]
fn no_more_is_sent_than_was_promised() {
    let (reply, _) = exchange("GET /", |_, start| {
        start.start_response(text_head(200), None).unwrap();
        (Some(2), vec![chunk("abc"), chunk("HTTP/1.1 200 OK\r\n\r\n")])
    });
    assert!(reply.ends_with("\r\n\r\nab"), "{reply}");
}

#[test]
fn the_environ_says_what_was_asked() {
    let (reply, _) = exchange("GET /a%20b?c=d", |environ, start| {
        for (key, value) in [
            ("REQUEST_METHOD", "GET"),
            ("REQUEST_URI", "/a%20b?c=d"),
            ("PATH_INFO", "/a b"),
            ("QUERY_STRING", "c=d"),
            ("SERVER_NAME", "127.0.0.1"),
            ("REMOTE_ADDR", "127.0.0.1"),
            ("HTTP_HOST", "t"),
            ("wsgi.url_scheme", "http"),
        ] {
            assert_eq!(environ.get(key).as_deref(), Some(value), "{key}");
        }
        assert_eq!(environ.get("SERVER_PORT").unwrap(), environ.server.port().to_string());
        assert_eq!(environ.input.read(&mut [0]).unwrap(), 0);
        start.start_response(text_head(200), None).unwrap();
        (Some(0), vec![])
    });
    assert!(reply.starts_with("HTTP/1.1 200 "), "{reply}");
}

/// What the validator says when an application is asked once and its body is treated like this.
fn complaints<A: Application>(
    app: A,
    serve: impl FnOnce(<Validator<A> as Application>::Body),
) -> Vec<Complaint> {
    let complaints = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&complaints);
    let app = Validator::new(app, move |complaint| sink.lock().unwrap().push(complaint));
    let (remote, server) = (([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 2).into());
    let mut environ = Environ {
        method: "GET",
        target: "/",
        headers: Vec::new(),
        content_length: None,
        remote,
        server,
        input: &mut io::empty(),
    };
    serve(app.call(&mut environ, &mut Started::default()));
    complaints.lock().unwrap().clone()
}

/// A server as it should be.
fn well<B: Body>(mut body: B) {
    let bytes = body.by_ref().map(|chunk| chunk.map_or(0, |chunk| chunk.len() as u64)).sum();
    body.close(Delivered { bytes, complete: true });
}

fn scripted<F>(act: F) -> Scripted<F>
where
    F: Fn(&mut Environ<'_>, &mut dyn StartResponse) -> (Option<u64>, Vec<io::Result<Chunk>>)
        + Send
        + Sync
        + 'static,
{
    Scripted { act, closed: Arc::default() }
}

#[test]
fn the_validator_complains_about_applications() {
    let ok = |start: &mut dyn StartResponse| start.start_response(text_head(200), None).unwrap();
    let with = |name: &'static str, value: &'static str| {
        let headers = vec![("content-type", "text/plain".into()), (name, value.into())];
        scripted(move |_, start| {
            start.start_response(ResponseHead { status: 200, headers: headers.clone() }, None).unwrap();
            (None, vec![])
        })
    };
    let nothing = complaints(scripted(move |_, start| (ok(start), (Some(3), vec![chunk("abc")])).1), well);
    assert_eq!(nothing, []);
    assert_eq!(complaints(scripted(|_, _| (None, vec![])), well), [Complaint::NotStarted]);
    let twice = scripted(move |_, start| {
        ok(start);
        let _ = start.start_response(text_head(200), None);
        (None, vec![])
    });
    assert_eq!(complaints(twice, well), [Complaint::StartedTwice]);
    let short = scripted(move |_, start| (ok(start), (Some(4), vec![chunk("abc")])).1);
    assert_eq!(complaints(short, well), [Complaint::WrongLength { promised: 4, made: 3 }]);
    let long =
        scripted(move |_, start| (ok(start), (Some(4), vec![chunk("abc"), chunk("def"), chunk("g")])).1);
    assert_eq!(complaints(long, well), [Complaint::WrongLength { promised: 4, made: 6 }]);
    let status = scripted(|_, start| {
        start.start_response(text_head(101), None).unwrap();
        (None, vec![])
    });
    assert_eq!(complaints(status, well), [Complaint::BadStatus(101)]);
    let untyped = scripted(|_, start| {
        start.start_response(ResponseHead { status: 200, headers: vec![] }, None).unwrap();
        (None, vec![])
    });
    assert_eq!(complaints(untyped, well), [Complaint::NoContentType(200)]);
    assert_eq!(complaints(with("X-Upper", "a"), well), [Complaint::BadHeader("X-Upper")]);
    assert_eq!(complaints(with("x-split", "a\r\nb: c"), well), [Complaint::BadHeader("x-split")]);
    assert_eq!(complaints(with("connection", "close"), well), [Complaint::ServersHeader("connection")]);
}

#[test]
fn the_validator_complains_about_servers() {
    let app = || {
        scripted(|_, start| {
            start.start_response(text_head(200), None).unwrap();
            (None, vec![chunk("abc")])
        })
    };
    let all = Delivered { bytes: 3, complete: true };
    assert_eq!(complaints(app(), drop), [Complaint::NeverClosed]);
    let after_end = complaints(app(), |mut body| {
        assert_eq!(body.by_ref().count(), 1);
        assert!(body.next().is_none());
        body.close(all);
    });
    assert_eq!(after_end, [Complaint::AskedAfterEnd]);
    let after_close = complaints(app(), |mut body| {
        body.close(Delivered { bytes: 0, complete: false });
        body.next();
    });
    assert_eq!(after_close, [Complaint::AskedAfterClose]);
    let twice = complaints(app(), |mut body| {
        assert_eq!(body.by_ref().count(), 1);
        body.close(all);
        body.close(all);
    });
    assert_eq!(twice, [Complaint::ClosedTwice]);
    let too_much = complaints(app(), |mut body| body.close(all));
    assert_eq!(too_much, [Complaint::DeliveredTooMuch(all)]);
}

/// Both sides of what is shipped: our application under our gateway, watched inside and outside of the hooks.
#[test]
fn our_own_server_and_application_keep_the_contract() {
    let complaints: Arc<Mutex<Vec<String>>> = Arc::default();
    let watch = |place: &'static str| {
        let complaints = Arc::clone(&complaints);
        move |complaint: Complaint| complaints.lock().unwrap().push(format!("{place}: {complaint}"))
    };
    let app = Views::new(views::view, Client::new(&Config::default()));
    let hooked = Hooked::new(Validator::new(app, watch("inside")), Hooks::standard(None));
    let server = start(Validator::new(hooked, watch("outside")));
    for request_line in [
        "GET /",
        "HEAD /",
        "GET /hello",
        "GET /nothing",
        "DELETE /hello",
        "GET /wait/1",
        "HEAD /stream/9/9",
        "GET /stream/9/1",
        "GET /hash/10",
        "POST /echo",
        "GET /api/weather/1/us",
        "GET /wait/oops",
    ] {
        let reply = ask(&server, request_line);
        assert!(reply.starts_with("HTTP/1.1 "), "{request_line}: {reply}");
    }
    for body in
        ["content-length: 5000\r\n\r\nhalf", "transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n\r\n"]
    {
        let mut stream = TcpStream::connect(server.addr).unwrap();
        write!(stream, "POST /echo HTTP/1.1\r\nhost: t\r\nconnection: close\r\n{body}").unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        io::copy(&mut stream, &mut io::sink()).unwrap();
    }
    server.stop().unwrap();
    assert_eq!(*complaints.lock().unwrap(), Vec::<String>::new());
}

#[test]
#[should_panic(expected = "application: call start_response")]
fn a_strict_validator_panics() {
    struct Forgetful;
    impl Application for Forgetful {
        type Body = Whole;
        fn call(&self, _: &mut Environ<'_>, _: &mut dyn StartResponse) -> Whole {
            Whole::new(b"abc".as_slice())
        }
    }
    let (remote, server) = (([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 2).into());
    let (headers, input) = (Vec::new(), &mut io::empty());
    let mut environ =
        Environ { method: "GET", target: "/", headers, content_length: None, remote, server, input };
    Validator::strict(Forgetful).call(&mut environ, &mut Started::default());
}
