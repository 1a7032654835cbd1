//! The page's side: files, a stream of frames, commands, and what was kept last.
//!
//! A browser runs pages from anywhere, and all of them can send requests to this machine. So everything is refused
//! whose `Host` is not this page's own (which keeps out a name that was made to point to loopback, "DNS rebinding"),
//! every command whose `Origin` is not, and whatever a browser says that another page has asked for.

use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, header};
use actix_web::middleware::{self, Next};
use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, rt};
use anyhow::Context as _;
use futures_util::stream;

use crate::live::files;
use crate::live::hub::{Command, Hub, MOST_PAGES, Watching};
use crate::live::presets::Preset;

/// A command has a few hundred bytes.
const MOST_BYTES: usize = 16 * 1024;
/// A page has a stream, and a few connections for files and commands.
const MOST_CONNECTIONS: usize = 8 * MOST_PAGES;
/// How often a stream looks for a new frame.
const LOOK: Duration = Duration::from_millis(25);

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
                    .route("/kept/{file}", web::get().to(kept))
                    .route("/do", web::post().to(command))
                    .default_service(web::get().to(file))
            };
            // Ctrl-C is the session's; and one worker is plenty for a page.
            let server = HttpServer::new(app).workers(1).max_connections(MOST_CONNECTIONS).disable_signals();
            match server.listen(listener) {
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

/// Looks at who asks before anything else does.
async fn only_this_page(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    if !request.app_data::<Data<Hub>>().is_some_and(|hub| is_from_this_page(hub, &request)) {
        let text = "This page answers under its own address only: a request came from elsewhere.\n";
        return Ok(request.into_response(HttpResponse::Forbidden().body(text)).map_into_right_body());
    }
    Ok(next.call(request).await?.map_into_left_body())
}

fn is_from_this_page(hub: &Hub, request: &ServiceRequest) -> bool {
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let own_host = text("host").is_some_and(|host| hub.is_own(host));
    let own_origin = match text("origin") {
        Some(origin) => origin.strip_prefix("http://").is_some_and(|host| hub.is_own(host)),
        // A browser says the origin of every POST; whatever does not say it has no business here.
        None => request.method() == Method::GET,
    };
    // Pictures and scripts that another page asks for come without an origin, and with this. A link may lead here.
    let own_site = matches!(text("sec-fetch-site"), None | Some("same-origin" | "none"))
        || text("sec-fetch-dest") == Some("document");
    own_host && own_origin && own_site
}

/// The last minute first, then every frame as it is made; of frames that came too fast for a page the last one.
async fn events(hub: Data<Hub>) -> HttpResponse {
    let Some(watching) = Watching::one_more(hub.into_inner()) else {
        return HttpResponse::ServiceUnavailable().body(format!("{MOST_PAGES} pages watch already.\n"));
    };
    let first = event("past", &watching.0.past());
    let frames = stream::unfold((watching, 0, Some(first)), |(watching, seen, first)| async move {
        if let Some(first) = first {
            return Some((Ok::<_, Infallible>(first), (watching, seen, None)));
        }
        loop {
            if let Some(latest) = watching.0.newer_than(seen) {
                return Some((Ok(event("frame", &latest.frame)), (watching, latest.number, None)));
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
    match checked.map(|command| hub.ask(command)) {
        Ok(true) => HttpResponse::Accepted().finish(),
        Ok(false) => HttpResponse::ServiceUnavailable().body("The lab is busy; try again in a moment.\n"),
        Err(message) => HttpResponse::BadRequest().body(message),
    }
}

/// What was kept last. Scripts of the report may draw and nothing else: they run as if they were from nowhere.
async fn kept(hub: Data<Hub>, file: web::Path<String>) -> HttpResponse {
    let kind = match file.as_str() {
        "report.html" => "text/html; charset=utf-8",
        "results.json" => "application/json",
        "results.csv" => "text/csv; charset=utf-8",
        _ => return HttpResponse::NotFound().body("There is no such file here.\n"),
    };
    let read = match hub.kept() {
        Some(dir) => {
            web::block(move || std::fs::read(dir.join(file.as_str()))).await.ok().and_then(Result::ok)
        }
        None => None,
    };
    let Some(body) = read else {
        return HttpResponse::NotFound().body("Nothing has been kept, or it is not there any more.\n");
    };
    HttpResponse::Ok()
        .content_type(kind)
        .insert_header((header::CONTENT_SECURITY_POLICY, "sandbox allow-scripts allow-downloads"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(body)
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
