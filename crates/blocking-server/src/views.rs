//! The views. Compare with the other server's: `diff -u crates/{blocking,async}-server/src/views.rs`.
//!
//! Everything that can be shared is in `handlers`; what is left here is *how a view waits*.

use std::thread::sleep;
use std::time::Duration;

use handlers::services::{self, SunTimes};
use handlers::{Answer, Place, Problem, Route, replies};
use serde_json::value::RawValue;

use crate::client::Client;
use crate::request::Request;

/// Answers a request. The `match` is exhaustive: a new route does not build until it is answered here.
pub fn view(request: &mut Request<'_>, up: &Client) -> Answer {
    match Route::parse(request.method, request.target.as_bytes())? {
        Route::Welcome => Ok(replies::welcome()),
        Route::Hello => Ok(replies::hello()),
        Route::Wait { ms } => wait(ms),
        Route::Hash { rounds } => Ok(replies::hash(rounds)),
        Route::Sun(place) => sun(&place, up),
        Route::Weather(place) => weather(&place, up),
        Route::Events { city, state, country } => Ok(replies::events(&city, &state, &country)),
        Route::City(place) => city(&place, up),
        Route::Stream { chunks, gap_ms } => Ok(replies::stream(chunks, gap_ms)),
        Route::Live => Ok(replies::live()),
        Route::Echo => echo(request),
    }
}

fn wait(ms: u32) -> Answer {
    sleep(Duration::from_millis(ms.into()));
    Ok(replies::waited(ms))
}

fn sun(place: &Place, up: &Client) -> Answer {
    Ok(replies::sun(&sun_times(place, up)?))
}

fn weather(place: &Place, up: &Client) -> Answer {
    Ok(replies::weather(&weather_report(place, up)?))
}

fn city(place: &Place, up: &Client) -> Answer {
    let (sun, weather) = (sun_times(place, up), weather_report(place, up));
    Ok(replies::city(&sun?, &weather?))
}

fn echo(request: &mut Request<'_>) -> Answer {
    let body = request.body()?;
    Ok(replies::echo(request.content_type, body))
}

/// Two calls, the second needs the first: nobody can make these wait at the same time.
fn sun_times(place: &Place, up: &Client) -> Result<SunTimes, Problem> {
    let at = services::located(up.get(&services::locate(place)))?;
    services::sun(up.get(&services::sun_times(at)))
}

fn weather_report(place: &Place, up: &Client) -> Result<Box<RawValue>, Problem> {
    services::weather(up.get(&services::weather_at(place)))
}
