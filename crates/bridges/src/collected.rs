//! A request on its way from the async host to a blocking view.
//!
//! A blocking view reads the body when it wants it, and waits for it. On the event loop nobody may, and the
//! loop's connections are not for other threads. So a body that is wanted is awaited first, as `asgiref`'s
//! `WsgiToAsgi` does, and the view then reads from memory.

use handlers::{Problem, Reply, Route};

/// A request that is all there and borrows nothing: it may go to another thread.
pub(crate) struct Collected {
    method: String,
    target: String,
    content_type: Option<String>,
    body: Vec<u8>,
}

impl Collected {
    /// Waits for the request's body, without holding the thread.
    ///
    /// # Errors
    /// What the view would say of a body that is too large or broken. It is said here at once: when a
    /// connection cannot go on, actix does not wait for an answer from another thread.
    pub(crate) async fn from(request: &mut async_server::request::Request<'_>) -> Result<Self, Problem> {
        // A body that nobody wants is not waited for: its sender may be slow, and the answer 404.
        let route = Route::parse(request.method, request.target.as_bytes());
        let body = if let Ok(Route::Echo) = route { request.body().await? } else { Vec::new() };
        Ok(Self {
            method: request.method.to_owned(),
            target: request.target.to_owned(),
            content_type: request.content_type.map(str::to_owned),
            body,
        })
    }

    /// Answers the request with a blocking view. The thread that calls this waits for whatever the view
    /// waits for. The reply says how long that was for the upstream: the host's own client was not asked.
    pub(crate) fn answer(
        &self,
        view: &impl blocking_server::View,
        client: &blocking_server::client::Client,
    ) -> Reply {
        let body = blocking_server::request::Incoming {
            announced_bytes: Some(self.body.len() as u64),
            reader: &mut self.body.as_slice(),
        };
        let mut request = blocking_server::request::Request {
            method: &self.method,
            target: &self.target,
            content_type: self.content_type.as_deref(),
            body,
        };
        let client = client.anew();
        let mut reply = view(&mut request, &client).unwrap_or_else(Reply::from);
        client.waited().note(&mut reply);
        reply
    }
}
