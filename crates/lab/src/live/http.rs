//! The page's side: files, a stream of frames, commands. Next: `session.rs`, which reads them.
//!
//! Everything is refused whose `Host` is not this page's own, and every command whose `Origin` is not: a page from
//! elsewhere that runs in the same browser can send requests here, but not under this name. (`Host` keeps a name that
//! was made to point to loopback from counting as this page: "DNS rebinding".)

use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, header};
use actix_web::middleware::{self, Next};
use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, rt};
use anyhow::Context as _;
use futures_util::stream;
use serde::Deserialize;

use crate::limits::Limits;
use crate::live::files;
use crate::live::presets::Preset;
use crate::live::settings::Settings;

/// What a page may ask for.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Command {
    /// All settings, at once.
    Set { settings: Box<Settings> },
    /// Load, or none.
    Run { on: bool },
    /// Everything as it was at first, in fresh processes.
    Reset,
    /// The services behind stop for a while.
    Stall { for_ms: u64 },
    /// A lane that has collapsed, again.
    Restart { lane: usize },
    /// An experiment of the catalogue, with where each lane will break.
    Preset { name: String, guesses: [Option<f64>; 2] },
    /// Ends it.
    Stop,
    /// Writes a report of what was just seen.
    Keep,
}

/// Between the page and the session.
pub(super) struct Hub {
    port: u16,
    limits: Limits,
    commands: Mutex<Sender<Command>>,
    /// The last frame, and how many there were.
    latest: Mutex<(u64, Bytes)>,
    past: Mutex<Bytes>,
    watching: AtomicUsize,
}

/// A command has a few hundred bytes.
const MOST_BYTES: usize = 16 * 1024;
/// Pages that watch at the same time: a lecture's screen, and some who look over its shoulder.
const MOST_PAGES: usize = 16;
const MOST_STALL_MS: u64 = 30_000;
/// How often a stream looks for a new frame.
const LOOK: Duration = Duration::from_millis(25);

impl Hub {
    pub(super) fn new(port: u16, limits: Limits) -> (Self, Receiver<Command>) {
        let (commands, receiver) = mpsc::channel();
        let hub = Self {
            port,
            limits,
            commands: Mutex::new(commands),
            latest: Mutex::default(),
            past: Mutex::default(),
            watching: AtomicUsize::new(0),
        };
        (hub, receiver)
    }

    /// Everybody who watches sees this next.
    pub(super) fn publish(&self, frame: String) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        *latest = (latest.0 + 1, frame.into());
    }

    /// A page that comes sees this first.
    pub(super) fn remember(&self, past: String) {
        *self.past.lock().unwrap_or_else(PoisonError::into_inner) = past.into();
    }

    /// Pages that are there.
    pub(super) fn watching(&self) -> usize {
        self.watching.load(Ordering::Relaxed)
    }

    fn newer_than(&self, seen: u64) -> Option<(u64, Bytes)> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        (latest.0 > seen).then(|| latest.clone())
    }

    fn is_own(&self, host: &str) -> bool {
        let name = host.strip_suffix(&format!(":{}", self.port));
        name.is_some_and(|name| ["127.0.0.1", "localhost", "[::1]"].contains(&name))
    }

    /// What is wrong with a command, if anything is.
    fn check(&self, command: &Command) -> Result<(), String> {
        match command {
            Command::Set { settings } => settings.check(&self.limits),
            Command::Stall { for_ms } if !(1..=MOST_STALL_MS).contains(for_ms) => {
                Err(format!("for_ms is {for_ms}; it must be 1 to {MOST_STALL_MS}"))
            }
            Command::Restart { lane } if *lane > 1 => {
                Err(format!("there is no lane {lane}; they are 0 and 1"))
            }
            Command::Preset { name, guesses } => {
                if Preset::named(name, &self.limits).is_none() {
                    return Err(format!("there is no preset \"{name:.40}\""));
                }
                let sane = |guess: &f64| (0.0..=1e6).contains(guess);
                if guesses.iter().flatten().all(sane) {
                    Ok(())
                } else {
                    Err("a guess is 0 to 1000000".into())
                }
            }
            _ => Ok(()),
        }
    }
}

/// Serves the page from threads of its own, which end with the process.
///
/// # Errors
/// When the system refuses.
pub(super) fn serve(listener: TcpListener, hub: &Arc<Hub>) -> anyhow::Result<()> {
    let hub = Data::from(Arc::clone(hub));
    let (started, ready) = mpsc::channel();
    let serve = move || {
        rt::System::new().block_on(async move {
            let app = move || {
                App::new()
                    .app_data(hub.clone())
                    .app_data(web::PayloadConfig::new(MOST_BYTES))
                    .wrap(middleware::from_fn(only_this_page))
                    .route("/events", web::get().to(events))
                    .route("/presets", web::get().to(presets))
                    .route("/do", web::post().to(command))
                    .default_service(web::get().to(file))
            };
            // Ctrl-C is the session's; and one worker is plenty for a page.
            let server = HttpServer::new(app).workers(1).disable_signals().listen(listener);
            match server {
                Ok(server) => {
                    _ = started.send(Ok(()));
                    _ = server.run().await;
                }
                Err(error) => _ = started.send(Err(error)),
            }
        });
    };
    std::thread::Builder::new().name("page".into()).spawn(serve).context("cannot start a thread")?;
    ready.recv().context("the page's server panicked")?.context("cannot serve the page")
}

/// Looks at `Host` and `Origin` before anything else does.
async fn only_this_page(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let hub = request.app_data::<Data<Hub>>().cloned();
    let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let own_host = hub.as_ref().is_some_and(|hub| text(header::HOST).is_some_and(|host| hub.is_own(host)));
    let own_origin = text(header::ORIGIN).map(|origin| {
        let host = origin.strip_prefix("http://");
        hub.as_ref().zip(host).is_some_and(|(hub, host)| hub.is_own(host))
    });
    // A browser says the origin of every POST; whatever does not say it has no business here.
    let refused = !own_host || !own_origin.unwrap_or(request.method() == Method::GET);
    if refused {
        let text = "This page answers under its own address only: a request came from elsewhere.\n";
        return Ok(request.into_response(HttpResponse::Forbidden().body(text)).map_into_right_body());
    }
    Ok(next.call(request).await?.map_into_left_body())
}

/// The last minute first, then every frame as it is made.
async fn events(hub: Data<Hub>) -> HttpResponse {
    let Some(watching) = Watching::one_more(hub.into_inner()) else {
        return HttpResponse::ServiceUnavailable().body(format!("{MOST_PAGES} pages watch already.\n"));
    };
    let past = watching.0.past.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let first = event("past", &past);
    let frames = stream::unfold((watching, 0, Some(first)), |(watching, seen, first)| async move {
        if let Some(first) = first {
            return Some((Ok::<_, Infallible>(first), (watching, seen, None)));
        }
        loop {
            if let Some((number, frame)) = watching.0.newer_than(seen) {
                return Some((Ok(event("frame", &frame)), (watching, number, None)));
            }
            rt::time::sleep(LOOK).await;
        }
    });
    HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .streaming(frames)
}

fn event(name: &str, data: &Bytes) -> Bytes {
    // JSON has no line breaks outside of strings, and in strings they are escaped.
    let mut text = format!("event: {name}\nretry: 1000\ndata: ").into_bytes();
    text.extend_from_slice(if data.is_empty() { b"null" } else { data });
    text.extend_from_slice(b"\n\n");
    text.into()
}

/// Counted as long as its stream lives.
struct Watching(Arc<Hub>);

impl Watching {
    fn one_more(hub: Arc<Hub>) -> Option<Self> {
        let before = hub.watching.fetch_add(1, Ordering::Relaxed);
        let watching = Self(hub);
        // Dropped where there are too many, which takes the count back.
        (before < MOST_PAGES).then_some(watching)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.watching.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn presets(hub: Data<Hub>) -> HttpResponse {
    let offers: Vec<_> = Preset::all(&hub.limits).iter().map(Preset::offer).collect();
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(offers)
}

async fn command(hub: Data<Hub>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if kind.is_none_or(|kind| !kind.starts_with("application/json")) {
        return HttpResponse::UnsupportedMediaType().body("A command is JSON.\n");
    }
    let checked = serde_json::from_slice::<Command>(&body)
        .map_err(|error| format!("that is no command: {error}"))
        .and_then(|command| hub.check(&command).map(|()| command));
    match checked {
        Err(message) => HttpResponse::BadRequest().body(message),
        Ok(command) => {
            let sent = hub.commands.lock().unwrap_or_else(PoisonError::into_inner).send(command);
            match sent {
                Ok(()) => HttpResponse::Accepted().finish(),
                Err(_) => HttpResponse::ServiceUnavailable().body("The session is over.\n"),
            }
        }
    }
}

async fn file(request: HttpRequest) -> HttpResponse {
    let Some((kind, body)) = files::named(request.path()) else {
        return HttpResponse::NotFound().body("There is no such file here.\n");
    };
    HttpResponse::Ok()
        .content_type(kind)
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(body)
}

/// Nothing from elsewhere, and nobody may put the page into a frame. (The charts' script makes styles as it goes.)
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; \
                      img-src 'self' data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
