//! A request as a view sees it. No framework: the gateway makes one, and so can any other host of the
//! same views (the bare tokio rung, say).

use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use handlers::trace::Tracing;
use handlers::{MAX_BODY_BYTES, Problem};
use tokio::time::timeout;

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

/// A body on its way: its chunks, and what is known of it beforehand.
pub struct Incoming<'a> {
    /// Value of `content-length`, if there is one.
    pub announced_bytes: Option<u64>,
    /// The chunks as they come. Not `Send`: a worker's requests never leave its thread.
    pub chunks: &'a mut (dyn Stream<Item = Result<Bytes, Broken>> + Unpin),
    /// For the whole body, so that a sender of a byte a second does not hold a place for days.
    pub time_limit: Duration,
    /// False until the last chunk was read. A connection with a half-read body cannot carry another request.
    pub at_end: bool,
}

/// The body ended before its end, or its framing makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken;

impl Request<'_> {
    /// Waits for the whole body.
    ///
    /// # Errors
    /// 413 beyond [`MAX_BODY_BYTES`], at once where the head announces as much; 400 for a body that ends
    /// early, is not readable or takes too long.
    pub async fn body(&mut self) -> Result<Vec<u8>, Problem> {
        let Incoming { announced_bytes, chunks, time_limit, at_end } = &mut self.body;
        let announced = usize::try_from(announced_bytes.unwrap_or(0)).unwrap_or(usize::MAX);
        if announced > MAX_BODY_BYTES {
            return Err(Problem::BodyTooLarge);
        }
        let collect = async {
            let mut body = Vec::new();
            while let Some(chunk) = chunks.next().await {
                let chunk = chunk.map_err(|Broken| unreadable())?;
                if body.len() + chunk.len() > MAX_BODY_BYTES {
                    return Err(Problem::BodyTooLarge);
                }
                body.extend_from_slice(&chunk);
            }
            *at_end = true;
            Ok(body)
        };
        timeout(*time_limit, collect).await.unwrap_or_else(|_| Err(unreadable()))
    }
}

/// Runs a view, and lets its trace know when. A poll is when this thread carries the request; between two polls it
/// carries others, or none.
pub(crate) async fn traced<T>(trace: &mut Tracing, view: impl Future<Output = T>) -> T {
    let mut view = pin!(view);
    poll_fn(|task| trace.around(|| view.as_mut().poll(task))).await
}

fn unreadable() -> Problem {
    Problem::BadRequest("the request body ended early or is not readable".into())
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    /// Reads a body of these chunks; `None` stands for a sender that falls silent.
    async fn read(
        announced_bytes: Option<u64>,
        chunks: &'static [Option<Result<&'static [u8], Broken>>],
    ) -> (Result<Vec<u8>, Problem>, bool) {
        let (sent, silent) = (chunks.iter().flatten(), chunks.contains(&None));
        let sent = stream::iter(sent.map(|chunk| chunk.map(Bytes::from_static)));
        let mut chunks = match silent {
            true => sent.chain(stream::pending()).boxed_local(),
            false => sent.boxed_local(),
        };
        let time_limit = Duration::from_millis(20);
        let body = Incoming { announced_bytes, chunks: &mut chunks, time_limit, at_end: false };
        let mut request = Request { method: "POST", target: "/echo", content_type: None, body };
        let result = request.body().await;
        (result, request.body.at_end)
    }

    #[actix_web::test]
    async fn chunks_become_one_body() {
        let (body, at_end) = read(Some(5), &[Some(Ok(b"he")), Some(Ok(b"llo"))]).await;
        assert_eq!((body, at_end), (Ok(b"hello".to_vec()), true));
    }

    #[actix_web::test]
    async fn too_large_is_refused_by_what_is_announced_and_by_what_comes() {
        const HALF: &[u8] = &[0; MAX_BODY_BYTES / 2];
        let (body, at_end) = read(Some(MAX_BODY_BYTES as u64 + 1), &[None]).await;
        assert_eq!((body, at_end), (Err(Problem::BodyTooLarge), false));
        let (body, at_end) = read(None, &[Some(Ok(HALF)), Some(Ok(HALF)), Some(Ok(b"x")), None]).await;
        assert_eq!((body, at_end), (Err(Problem::BodyTooLarge), false));
        let (body, _) = read(None, &[Some(Ok(HALF)), Some(Ok(HALF))]).await;
        assert_eq!(body.unwrap().len(), MAX_BODY_BYTES);
    }

    #[actix_web::test]
    async fn a_broken_and_a_stalled_body_read_the_same() {
        let (broken, _) = read(None, &[Some(Ok(b"he")), Some(Err(Broken))]).await;
        let (stalled, at_end) = read(None, &[Some(Ok(b"he")), None]).await;
        assert_eq!(broken, Err(unreadable()));
        assert_eq!((stalled, at_end), (broken, false));
    }
}
