//! The services behind the application: what to ask them, and how to read what they say.
//!
//! A view asks in three steps, and only the middle one waits: `services::locate(place)` says what to
//! ask, the server's own client fetches it, `services::located(…)` reads the answer.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::route::encoded;
use crate::{Place, Problem};

/// A `GET` to the upstream: path and query, percent-encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call(pub String);

/// What an upstream call came to.
pub type Fetched = Result<Response, UpstreamError>;

/// An answer of the upstream, whatever its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// HTTP status code.
    pub status: u16,
    /// The whole body, at most [`MAX_RESPONSE_BYTES`] long.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpstreamError {
    /// Nothing, or not all of it, came within the client's timeout.
    TimedOut,
    /// Refused, reset, cut short, too long or not HTTP. The text is for the log: what a client
    /// library says differs between servers, and replies must not.
    Failed(String),
}

/// A client reads no more than this of an upstream's answer; a longer one is a failure (502).
pub const MAX_RESPONSE_BYTES: usize = 256 * 1024;

/// Where a place is, in degrees: north and east are positive.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Location {
    /// Latitude.
    pub lat: f64,
    /// Longitude.
    pub lng: f64,
}

/// Sunrise, sunset and the rest, in UTC as `06:04:09 AM` (`day_length` as `14:24:39`), or `none`
/// where the sun does no such thing that day.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[expect(missing_docs, reason = "the names are the documentation, and the service's own")]
pub struct SunTimes {
    pub sunrise: String,
    pub sunset: String,
    pub solar_noon: String,
    pub day_length: String,
    pub civil_twilight_begin: String,
    pub civil_twilight_end: String,
    pub nautical_twilight_begin: String,
    pub nautical_twilight_end: String,
    pub astronomical_twilight_begin: String,
    pub astronomical_twilight_end: String,
}

/// Asks where a place is.
pub fn locate(place: &Place) -> Call {
    Call(format!("/location?q={},{}", encoded(&place.zip), place.country))
}

/// Reads the answer to [`locate`].
///
/// # Errors
/// 404 for a place that the service does not know, 502 or 504 when it failed.
pub fn located(fetched: Fetched) -> Result<Location, Problem> {
    json("location", fetched)
}

/// Asks when the sun rises and sets at a location.
pub fn sun_times(at: Location) -> Call {
    Call(format!("/sun?lat={}&lng={}", at.lat, at.lng))
}

/// Reads the answer to [`sun_times`].
///
/// # Errors
/// 502 or 504 when the service failed.
pub fn sun(fetched: Fetched) -> Result<SunTimes, Problem> {
    json("sun", fetched)
}

/// Asks for the weather at a place.
pub fn weather_at(place: &Place) -> Call {
    Call(format!("/weather?zip={},{}", encoded(&place.zip), place.country))
}

/// Reads the answer to [`weather_at`]: the service's own JSON, checked to be JSON and passed on as it is.
///
/// # Errors
/// 404 for a place that the service does not know, 502 or 504 when it failed.
pub fn weather(fetched: Fetched) -> Result<Box<RawValue>, Problem> {
    json("weather", fetched)
}

fn json<T: for<'de> Deserialize<'de>>(service: &str, fetched: Fetched) -> Result<T, Problem> {
    let response = fetched.map_err(|error| match error {
        UpstreamError::TimedOut => Problem::UpstreamTimeout,
        UpstreamError::Failed(_) => {
            Problem::UpstreamFailed(format!("the {service} service could not be reached"))
        }
    })?;
    match response.status {
        200 => serde_json::from_slice(&response.body).map_err(|_| {
            Problem::UpstreamFailed(format!("the {service} service answered with something else"))
        }),
        404 => Err(Problem::NotFound(format!("the {service} service knows no such place"))),
        status => {
            Err(Problem::UpstreamFailed(format!("the {service} service answered with status {status}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Fetched {
        Ok(Response { status, body: body.into() })
    }

    #[test]
    fn questions_are_percent_encoded() {
        let place = Place { zip: "SW1A 1AA".into(), country: "gb".into() };
        assert_eq!(locate(&place).0, "/location?q=SW1A%201AA,gb");
        assert_eq!(weather_at(&place).0, "/weather?zip=SW1A%201AA,gb");
        assert_eq!(sun_times(Location { lat: 45.5, lng: -122.6875 }).0, "/sun?lat=45.5&lng=-122.6875");
    }

    #[test]
    fn each_way_to_fail_has_its_status() {
        let failed = |message: &str| Err(UpstreamError::Failed(message.into()));
        assert_eq!(located(Err(UpstreamError::TimedOut)), Err(Problem::UpstreamTimeout));
        assert_eq!(located(failed("reset")).unwrap_err().status(), 502);
        assert_eq!(located(answer(404, "{}")).unwrap_err().status(), 404);
        assert_eq!(located(answer(500, "{}")).unwrap_err().status(), 502);
        assert_eq!(located(answer(200, "garbage")).unwrap_err().status(), 502);
        assert_eq!(sun(answer(200, r#"{"sunrise":"06:04:09 AM"}"#)).unwrap_err().status(), 502);
    }

    #[test]
    fn what_a_client_library_says_never_reaches_the_reply() {
        let one = located(Err(UpstreamError::Failed("Connection reset by peer (os error 104)".into())));
        let other = located(Err(UpstreamError::Failed("error sending request".into())));
        assert_eq!(one, other);
    }

    #[test]
    fn weather_is_passed_through_byte_for_byte() {
        let body = r#"{"temp_c": 21.50,  "sky":"clear"}"#;
        assert_eq!(weather(answer(200, body)).unwrap().get(), body);
    }
}
