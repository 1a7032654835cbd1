//! A request's body as a view reads it: from the socket, when it asks, and not before.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::unfold;
use wire::ServerConnection;

use super::socket::Socket;
use crate::config::Limits;
use crate::request::Broken;

/// The body of the request that was read last. [`crate::request::Request::body`] has the time limit.
pub(super) fn chunks<'a>(
    http: &'a mut ServerConnection,
    socket: &'a mut Socket,
    limits: Limits,
) -> Pin<Box<dyn Stream<Item = Result<Bytes, Broken>> + 'a>> {
    Box::pin(unfold(Some((http, socket)), move |open| async move {
        let (http, socket) = open?;
        let mut came = Vec::new();
        loop {
            match http.take_body(&mut came) {
                Ok(_) if !came.is_empty() => return Some((Ok(came.into()), Some((http, socket)))),
                Ok(true) => return None,
                Ok(false) => {}
                Err(_) => return Some((Err(Broken), None)),
            }
            // The client may be waiting to be told to go on.
            let sent = socket.send(http, limits.write_time).await;
            if sent.is_err() || socket.receive(http, limits.body_time).await.is_err() {
                return Some((Err(Broken), None));
            }
        }
    }))
}
