//! How long a request waits by design: W in `clients / W` and `threads / W`.
//!
//! It is known for a wait inside the server and for upstream calls with a known mean. Where calls run in
//! sequence on one rung and at once on another (`/api/city`) there is no one wait, and none is claimed; nor
//! for a stream without an end (`/live`).

use handlers::Route;
use serde::Deserialize;

use crate::experiment::Upstream;

/// Mean wait of one request; `None` where it has none, or none that all rungs share.
///
/// # Errors
/// When the upstream's delay is not a profile.
pub(crate) fn nominal_ms(route: &Route, upstream: &Upstream) -> anyhow::Result<Option<f64>> {
    let delays = delays(&upstream.delay)?;
    let scaled = |ms: Option<f64>| ms.map(|ms| ms * upstream.time_scale.0);
    Ok(match route {
        Route::Wait { ms } => Some(f64::from(*ms)).filter(|ms| *ms > 0.0),
        Route::Sun(_) => scaled(delays.map(|delays| delays.location_ms + delays.call_ms)),
        Route::Weather(_) => scaled(delays.map(|delays| delays.call_ms)),
        Route::Stream { chunks, gap_ms } => Some(f64::from((chunks - 1) * gap_ms)).filter(|ms| *ms > 0.0),
        _ => None,
    })
}

/// Whether a route needs the services behind the server.
pub(crate) fn calls_upstream(route: &Route) -> bool {
    matches!(route, Route::Sun(_) | Route::Weather(_) | Route::City(_))
}

/// Mean delays of a profile's calls.
struct Delays {
    location_ms: f64,
    call_ms: f64,
}

/// `None` for a profile whose mean is not stated in its name.
fn delays(profile: &str) -> anyhow::Result<Option<Delays>> {
    Ok(match check_profile(profile).map_err(anyhow::Error::msg)? {
        Mean::Recorded => Some(lecture()?),
        Mean::Stated(ms) => Some(Delays { location_ms: ms, call_ms: ms }),
        Mean::Unknown => None,
    })
}

/// What a profile says of its mean.
#[derive(Debug, PartialEq)]
pub(crate) enum Mean {
    /// That of what was recorded.
    Recorded,
    /// In milliseconds.
    Stated(f64),
    /// There is one, but hardly a call takes as long.
    Unknown,
}

/// Reads a delay profile as `upstream --delay` does.
///
/// # Errors
/// What is wrong with it, and what there is.
pub(crate) fn check_profile(profile: &str) -> Result<Mean, String> {
    let parts: Vec<&str> = profile.split(':').collect();
    match parts[..] {
        ["lecture"] => Ok(Mean::Recorded),
        ["fixed" | "exp", mean] => time_ms(mean).map(Mean::Stated),
        ["lognormal", mean, sigma] => {
            time_ms(mean)?;
            let sigma = sigma.parse().ok().filter(|sigma: &f64| (0.0..=2.0).contains(sigma));
            sigma.map(|_| Mean::Unknown).ok_or_else(|| {
                format!(
                    "\"{profile}\": the sigma of lognormal is a number from 0 to 2, as in lognormal:100ms:0.5"
                )
            })
        }
        _ => Err(format!(
            "\"{profile}\" is none of lecture, fixed:100ms, exp:100ms, lognormal:100ms:0.5 (or other times)"
        )),
    }
}

fn time_ms(text: &str) -> Result<f64, String> {
    let number = |digits: &str, unit_ms: f64| digits.parse::<f64>().ok().map(|number| number * unit_ms);
    let ms = match text.strip_suffix("ms") {
        Some(digits) => number(digits, 1.0),
        None => text.strip_suffix('s').and_then(|digits| number(digits, 1_000.0)),
    };
    ms.filter(|ms| (0.0..=60_000.0).contains(ms))
        .ok_or_else(|| format!("\"{text}\" is no delay: a time, as in fixed:100ms or exp:1.5s, at most 60s"))
}

fn lecture() -> anyhow::Result<Delays> {
    #[derive(Deserialize)]
    struct Facts {
        location: Recorded,
        sun: Recorded,
    }
    #[derive(Deserialize)]
    struct Recorded {
        delays_s: Vec<f64>,
    }
    let facts: Facts = toml::from_str(include_str!("../../../benches/facts/lecture.toml"))?;
    let mean_ms = |of: &Recorded| of.delays_s.iter().sum::<f64>() / of.delays_s.len() as f64 * 1_000.0;
    Ok(Delays { location_ms: mean_ms(&facts.location), call_ms: mean_ms(&facts.sun) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Positive;

    fn wait(target: &str, delay: &str, scale: f64) -> anyhow::Result<Option<f64>> {
        let route = Route::parse("GET", target.as_bytes()).unwrap();
        let upstream = Upstream { delay: delay.into(), time_scale: Positive(scale), ..Upstream::default() };
        nominal_ms(&route, &upstream)
    }

    #[test]
    fn the_lectures_request_waits_945_ms() {
        let ms = wait("/api/sun/97201/us", "lecture", 1.0).unwrap().unwrap();
        assert!((ms - 944.9).abs() < 0.1, "{ms}");
        let fifth = wait("/api/sun/97201/us", "lecture", 0.2).unwrap().unwrap();
        assert!((fifth - ms / 5.0).abs() < 1e-9);
    }

    #[test]
    fn a_wait_is_known_or_not_claimed() {
        assert_eq!(wait("/wait/100", "lecture", 0.2).unwrap(), Some(100.0));
        assert_eq!(wait("/wait/0", "lecture", 1.0).unwrap(), None);
        assert_eq!(wait("/hello", "lecture", 1.0).unwrap(), None);
        assert_eq!(wait("/api/weather/97201/us", "exp:50ms", 2.0).unwrap(), Some(100.0));
        assert_eq!(wait("/api/sun/97201/us", "fixed:50ms", 1.0).unwrap(), Some(100.0));
        assert_eq!(wait("/api/sun/97201/us", "lognormal:50ms:0.5", 1.0).unwrap(), None);
        assert_eq!(wait("/api/city/97201/us", "fixed:50ms", 1.0).unwrap(), None, "two waits or three");
        assert_eq!(wait("/live", "lecture", 1.0).unwrap(), None, "forever");
    }

    #[test]
    fn an_unknown_delay_is_refused_with_those_that_there_are() {
        for wrong in ["sometimes", "fixed", "fixed:fast", "exp:100"] {
            assert!(wait("/hello", wrong, 1.0).unwrap_err().to_string().contains("fixed:100ms"), "{wrong}");
        }
    }
}
