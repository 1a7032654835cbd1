//! What a page did besides being looked at: what it asked for, and what went wrong in it.

use std::sync::Arc;

use chromiumoxide::cdp::IntoEventKind;
use chromiumoxide::cdp::browser_protocol::log::EventEntryAdded;
use chromiumoxide::cdp::browser_protocol::network::{EventRequestWillBeSent, EventWebSocketCreated};
use chromiumoxide::cdp::js_protocol::runtime::{EventConsoleApiCalled, EventExceptionThrown};
use chromiumoxide::listeners::EventStream;
use futures_util::{FutureExt as _, StreamExt as _};
use serde::Serialize;
use serde_json::{Value, json};

/// Everything since the page was opened.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// Addresses.
    pub(crate) requests: Vec<String>,
    /// Errors in the console, exceptions, and what the browser itself complains about, such as a broken policy.
    pub(crate) troubles: Vec<String>,
}

/// Hears what a page does.
pub(crate) struct Listener {
    requests: EventStream<EventRequestWillBeSent>,
    sockets: EventStream<EventWebSocketCreated>,
    console: EventStream<EventConsoleApiCalled>,
    exceptions: EventStream<EventExceptionThrown>,
    entries: EventStream<EventEntryAdded>,
    seen: Seen,
}

impl Listener {
    /// To be made before the page goes anywhere.
    pub(crate) async fn of(page: &chromiumoxide::Page) -> chromiumoxide::Result<Self> {
        Ok(Self {
            requests: page.event_listener().await?,
            sockets: page.event_listener().await?,
            console: page.event_listener().await?,
            exceptions: page.event_listener().await?,
            entries: page.event_listener().await?,
            seen: Seen::default(),
        })
    }

    /// `unread`: all messages that the driver could not read.
    pub(crate) fn so_far(&mut self, unread: &[Value]) -> Seen {
        let read = [
            drain(&mut self.requests),
            drain(&mut self.sockets),
            drain(&mut self.console),
            drain(&mut self.exceptions),
            drain(&mut self.entries),
        ];
        read.iter().flatten().for_each(|message| self.seen.note(message));
        let mut seen = self.seen.clone();
        unread.iter().for_each(|message| seen.note(message));
        seen
    }
}

impl Seen {
    /// A message as the protocol has it.
    fn note(&mut self, message: &Value) {
        let params = &message["params"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match message["method"].as_str().unwrap_or_default() {
            "Network.requestWillBeSent" => self.requests.push(text(&params["request"]["url"])),
            "Network.webSocketCreated" => self.requests.push(text(&params["url"])),
            "Runtime.consoleAPICalled" if ["error", "assert"].iter().any(|bad| params["type"] == *bad) => {
                self.troubles.push(format!("console: {}", params["args"]));
            }
            "Runtime.exceptionThrown" => {
                self.troubles.push(format!("thrown: {}", params["exceptionDetails"]));
            }
            "Log.entryAdded" if params["entry"]["level"] == "error" => {
                self.troubles.push(format!("the browser says: {}", params["entry"]));
            }
            _ => {}
        }
    }
}

/// What has come, as messages of the protocol.
fn drain<T: IntoEventKind + Serialize + Unpin>(events: &mut EventStream<T>) -> Vec<Value> {
    let next = || events.next().now_or_never().flatten();
    let message = |event: Arc<T>| json!({ "method": T::method_id(), "params": *event });
    std::iter::from_fn(next).map(message).collect()
}
