//! Method, path and query in, an answer out. Next: `call.rs`, where callers wait for it.

use std::borrow::Cow;
use std::sync::Arc;

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::{Method, Request, Response};

use crate::call::{Reset, Service, Services};
use crate::order::{self, Order};
use crate::places::{self, Place};
use crate::reply::{Body, Reply};
use crate::weather;

/// Answers one request; an error cuts the caller off.
pub(crate) async fn respond(
    services: Arc<Services>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Reset> {
    let service = match request.uri().path() {
        "/location" => Service::Location,
        "/sun" => Service::Sun,
        "/weather" => Service::Weather,
        "/control" => return Ok(control(&services, request).await.into_response(None)),
        path => {
            let detail =
                format!("no such path: {}; there are /location, /sun, /weather, /control", quoted(path));
            return Ok(Reply::problem(404, &detail).into_response(None));
        }
    };
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(Reply::method_not_allowed("GET, HEAD").into_response(None));
    }
    let answer = answer(&services, service, request.uri().query().unwrap_or_default());
    services.call(service, answer).await
}

fn answer(services: &Services, service: Service, query: &str) -> Reply {
    let answer = match service {
        Service::Location => place(query, "q").map(|(_, place)| Reply::json(place)),
        Service::Sun => coordinates(query).map(|(lat, lng)| services.sun(lat, lng)),
        Service::Weather => place(query, "zip").map(|(number, _)| {
            Reply::json(&weather::report(number, services.config.seed, services.config.date))
        }),
    };
    answer.unwrap_or_else(|refusal| refusal)
}

/// Shows the state, orders faults or calls them off. Never delayed, queued or hit by a fault itself.
async fn control(services: &Services, request: Request<Incoming>) -> Reply {
    match *request.method() {
        Method::GET | Method::HEAD => {}
        Method::DELETE => services.faults.set(Order::new()),
        Method::POST => {
            let Ok(body) = Limited::new(request.into_body(), MOST_CONTROL_BYTES).collect().await else {
                return Reply::problem(413, "the body of a control request may have 16384 bytes at most");
            };
            match order::order(&body.to_bytes()) {
                Ok(order) => services.faults.set(order),
                Err(detail) => return Reply::problem(400, &detail),
            }
        }
        _ => return Reply::method_not_allowed("GET, HEAD, POST, DELETE"),
    }
    Reply::json(&services.state())
}

const MOST_CONTROL_BYTES: usize = 16_384;

/// Reads `97201,us` from a parameter and finds the place with its number, or refuses.
fn place(query: &str, name: &str) -> Result<(usize, &'static Place), Reply> {
    let value = parameter(query, name)?;
    let (zip, country) = value.rsplit_once(',').unwrap_or((&value, ""));
    let is_code = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-');
    let is_zip = (1..=10).contains(&zip.len()) && zip.chars().all(is_code);
    let is_country = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_alphabetic());
    if !(is_zip && is_country) {
        let detail =
            format!("{name} must be a postal code and a country, as in 97201,us, not {}", quoted(&value));
        return Err(Reply::problem(400, &detail));
    }
    places::find(zip, country)
        .ok_or_else(|| Reply::problem(404, &format!("no such place in the table: {}", quoted(&value))))
}

fn coordinates(query: &str) -> Result<(f64, f64), Reply> {
    let degrees = |name, most: f64| {
        let value = parameter(query, name)?;
        let degrees: Option<f64> = value.parse().ok();
        degrees.filter(|degrees| (-most..=most).contains(degrees)).ok_or_else(|| {
            let detail = format!("{name} must be degrees, -{most} to {most}, not {}", quoted(&value));
            Reply::problem(400, &detail)
        })
    };
    Ok((degrees("lat", 90.0)?, degrees("lng", 180.0)?))
}

fn parameter<'a>(query: &'a str, name: &str) -> Result<Cow<'a, str>, Reply> {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs
        .find_map(|(key, value)| (key == name).then_some(value))
        .ok_or_else(|| Reply::problem(400, &format!("the query parameter {name} is missing")))
}

/// What the caller sent, cut short, for a message.
fn quoted(text: &str) -> String {
    const MOST: usize = 60;
    let more = if text.chars().nth(MOST).is_some() { "…" } else { "" };
    let shown: String = text.chars().take(MOST).collect();
    format!("\"{shown}{more}\"")
}
