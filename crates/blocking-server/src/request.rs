//! A request as a view sees it. No framework: the WSGI application makes one, and so can any other host of
//! the same views (the bare thread rungs, say).

use std::io::Read;

use handlers::trace::Tracing;
use handlers::{MAX_BODY_BYTES, Problem};

/// What views may know of a request.
pub struct Request<'a> {
    /// As sent, upper case.
    pub method: &'a str,
    /// As sent: path and query, percent-encoded.
    pub target: &'a str,
    /// Value of `content-type`, if there is one.
    pub content_type: Option<&'a str>,
    /// The rest arrives when it arrives: [`Request::body`] waits for it.
    pub body: Incoming<'a>,
}

/// A body on its way: its bytes, and what is known of it beforehand.
pub struct Incoming<'a> {
    /// Value of `content-length`, if there is one.
    pub announced_bytes: Option<u64>,
    /// The bytes as they come. A read blocks until there are some; a body that ends too early is an error.
    pub reader: &'a mut (dyn Read + 'a),
}

impl Request<'_> {
    /// Waits for the whole body. There is no time limit: rouille keeps the socket to itself, and a blocked
    /// read can only be ended through it. A sender of a byte a second holds a thread for as long as it likes.
    ///
    /// # Errors
    /// 413 beyond [`MAX_BODY_BYTES`], at once where the head announces as much; 400 for a body that ends
    /// early or is not readable.
    pub fn body(&mut self) -> Result<Vec<u8>, Problem> {
        let Incoming { announced_bytes, reader } = &mut self.body;
        let announced = usize::try_from(announced_bytes.unwrap_or(0)).unwrap_or(usize::MAX);
        if announced > MAX_BODY_BYTES {
            return Err(Problem::BodyTooLarge);
        }
        let mut body = Vec::with_capacity(announced.min(FIRST_BUFFER_BYTES));
        reader.take(MAX_BODY_BYTES as u64 + 1).read_to_end(&mut body).map_err(|_| unreadable())?;
        if body.len() > MAX_BODY_BYTES { Err(Problem::BodyTooLarge) } else { Ok(body) }
    }
}

/// Announcing a large body costs a client nothing, so it must not cost memory here before it comes.
const FIRST_BUFFER_BYTES: usize = 64 * 1024;

/// Runs a view, and lets its trace know when. This thread carries the request all the while, its waits included.
pub(crate) fn traced<T>(trace: &mut Tracing, view: impl FnOnce() -> T) -> T {
    trace.around(view)
}

fn unreadable() -> Problem {
    Problem::BadRequest("the request body ended early or is not readable".into())
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn read(announced_bytes: Option<u64>, reader: &mut dyn Read) -> Result<Vec<u8>, Problem> {
        let body = Incoming { announced_bytes, reader };
        Request { method: "POST", target: "/echo", content_type: None, body }.body()
    }

    /// Fails the test when it is read.
    struct Untouched;

    impl Read for Untouched {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            panic!("this body should not be waited for");
        }
    }

    struct Broken;

    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }

    #[test]
    fn a_body_is_read_to_its_end() {
        assert_eq!(read(Some(5), &mut b"hello".as_slice()), Ok(b"hello".to_vec()));
        assert_eq!(read(None, &mut io::empty()), Ok(Vec::new()));
    }

    #[test]
    fn too_large_is_refused_by_what_is_announced_and_by_what_comes() {
        let most = MAX_BODY_BYTES as u64;
        assert_eq!(read(Some(most + 1), &mut Untouched), Err(Problem::BodyTooLarge));
        assert_eq!(read(None, &mut io::repeat(b'x')), Err(Problem::BodyTooLarge));
        assert_eq!(read(None, &mut io::repeat(b'x').take(most)).unwrap().len(), MAX_BODY_BYTES);
    }

    #[test]
    fn a_broken_body_is_a_bad_request() {
        let body = read(Some(5), &mut b"he".chain(Broken));
        assert_eq!(body, Err(unreadable()));
    }
}
