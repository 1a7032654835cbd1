//! How long a call takes: the delay profiles, and one stream of draws for each service.
//!
//! Every service has a generator of its own, so that its n-th call draws the n-th delay whatever the
//! other services are asked in between. What the wait is used for is in `call.rs`.

use std::fmt;
use std::str::FromStr;
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;
use rand_distr::{Distribution, Exp1, StandardNormal};
use serde::Deserialize;

use crate::Service;

/// A distribution of delays. Written `lecture`, `fixed:100ms`, `exp:100ms` or `lognormal:100ms:0.5`; the
/// time is always the *mean*.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Profile {
    /// One of the delays recorded in the lecture, each as likely as the others. No delays of the weather
    /// service were recorded: it draws from the location service's.
    Lecture,
    /// Always the same.
    Fixed {
        /// The delay.
        delay: Duration,
    },
    /// Exponential: memoryless, the textbook's service time.
    Exp {
        /// Mean (the median is 0.69 of it).
        mean: Duration,
    },
    /// Lognormal: a long tail, as most services have.
    Lognormal {
        /// Mean (the median is `mean * exp(-sigma²/2)`).
        mean: Duration,
        /// Standard deviation of the delay's logarithm, 0 to 2.
        sigma: f64,
    },
}

impl Profile {
    fn draw(&self, service: Service, rng: &mut ChaCha8Rng) -> f64 {
        match self {
            Self::Lecture => *recorded(service).choose(rng).expect("recorded delays are not empty"),
            Self::Fixed { delay } => delay.as_secs_f64(),
            Self::Exp { mean } => {
                let unit: f64 = Exp1.sample(rng);
                mean.as_secs_f64() * unit
            }
            Self::Lognormal { mean, sigma } => {
                let z: f64 = StandardNormal.sample(rng);
                // exp(mu + sigma z) has mean exp(mu + sigma²/2), hence the correction.
                mean.as_secs_f64() * (sigma * z - sigma * sigma / 2.0).exp()
            }
        }
    }
}

/// What one call will meet, decided when it arrives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Draw {
    /// Service time, scaled.
    pub(crate) delay: Duration,
    /// 0 to 1, uniform: a fault that hits 30 % of calls hits those below 0.3.
    pub(crate) luck: f64,
}

/// The draws of all services.
pub(crate) struct Delays {
    profile: Profile,
    time_scale: f64,
    streams: [Mutex<Stream>; Service::ALL.len()],
}

/// Delays and luck come from different generators: a profile that needs more random bits than another
/// does not change which calls a fault hits.
struct Stream {
    delays: ChaCha8Rng,
    luck: ChaCha8Rng,
}

impl Delays {
    pub(crate) fn new(profile: Profile, time_scale: f64, seed: u64) -> Self {
        let streams = Service::ALL.map(|service| {
            let number = 2 * service as u64;
            Mutex::new(Stream { delays: generator(seed, number), luck: generator(seed, number + 1) })
        });
        Self { profile, time_scale, streams }
    }

    /// The next draw of a service.
    pub(crate) fn draw(&self, service: Service) -> Draw {
        let mut stream = self.streams[service as usize].lock().expect("no draw panics");
        let delay_s = self.profile.draw(service, &mut stream.delays) * self.time_scale;
        Draw { delay: Duration::from_secs_f64(delay_s), luck: stream.luck.random() }
    }
}

/// A generator that is independent of those with other numbers. Its stream is fixed by its algorithm, on
/// every machine and in every version of the library, which the library's default generators do not promise.
pub(crate) fn generator(seed: u64, number: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(number);
    rng
}

fn recorded(service: Service) -> &'static [f64] {
    #[derive(Deserialize)]
    struct Facts {
        location: Recorded,
        sun: Recorded,
    }
    #[derive(Deserialize)]
    struct Recorded {
        delays_s: Vec<f64>,
    }
    static FACTS: LazyLock<Facts> = LazyLock::new(|| {
        toml::from_str(include_str!("../../../benches/facts/lecture.toml")).expect("built in, and tested")
    });
    match service {
        Service::Location | Service::Weather => &FACTS.location.delays_s,
        Service::Sun => &FACTS.sun.delays_s,
    }
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(':').collect();
        match parts[..] {
            ["lecture"] => Ok(Self::Lecture),
            ["fixed", delay] => Ok(Self::Fixed { delay: duration(delay)? }),
            ["exp", mean] => Ok(Self::Exp { mean: duration(mean)? }),
            ["lognormal", mean, sigma] => {
                let sigma: Option<f64> = sigma.parse().ok().filter(|sigma| (0.0..=2.0).contains(sigma));
                let sigma = sigma.ok_or("the sigma of lognormal must be a number, 0 to 2")?;
                Ok(Self::Lognormal { mean: duration(mean)?, sigma })
            }
            _ => Err("must be lecture, fixed:100ms, exp:100ms or lognormal:100ms:0.5".into()),
        }
    }
}

impl fmt::Display for Profile {
    /// The text that parses back to this profile.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |time: &Duration| time.as_secs_f64() * 1_000.0;
        match self {
            Self::Lecture => f.write_str("lecture"),
            Self::Fixed { delay } => write!(f, "fixed:{}ms", ms(delay)),
            Self::Exp { mean } => write!(f, "exp:{}ms", ms(mean)),
            Self::Lognormal { mean, sigma } => write!(f, "lognormal:{}ms:{sigma}", ms(mean)),
        }
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let seconds = |number: &str, unit_s: f64| number.parse::<f64>().ok().map(|number| number * unit_s);
    let parsed = match text.strip_suffix("ms") {
        Some(number) => seconds(number, 0.001),
        None => text.strip_suffix('s').and_then(|number| seconds(number, 1.0)),
    };
    parsed
        .filter(|seconds| (0.0..=60.0).contains(seconds))
        .map(Duration::from_secs_f64)
        .ok_or_else(|| format!("\"{text}\" must be a time as in 100ms or 1.5s, at most 60s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(text: &str) -> Profile {
        text.parse().unwrap()
    }

    fn draws(text: &str, time_scale: f64, seed: u64, service: Service, count: usize) -> Vec<f64> {
        let delays = Delays::new(profile(text), time_scale, seed);
        (0..count).map(|_| delays.draw(service).delay.as_secs_f64()).collect()
    }

    fn mean(values: &[f64]) -> f64 {
        values.iter().sum::<f64>() / values.len() as f64
    }

    /// 100,000 draws of standard deviation `sd` have a mean that is off by `5 sd / 316` once in millions
    /// of seeds; the seed is fixed on top of that.
    #[test]
    fn the_time_of_a_profile_is_its_mean_and_the_scale_multiplies_it() {
        // Standard deviation of a lognormal: mean * sqrt(exp(sigma²) - 1).
        let tail = 0.1 * (0.25_f64.exp() - 1.0).sqrt();
        for (text, sd) in [("fixed:100ms", 0.0), ("exp:100ms", 0.1), ("lognormal:0.1s:0.5", tail)] {
            for scale in [1.0, 0.2] {
                let off = mean(&draws(text, scale, 7, Service::Sun, 100_000)) / scale - 0.1;
                assert!(off.abs() <= 5.0 * sd / 316.0 + 1e-9, "{text} x {scale}: off by {off} s");
            }
        }
    }

    #[test]
    fn shapes_differ_where_means_do_not() {
        let median = |text| {
            let mut values = draws(text, 1.0, 7, Service::Sun, 10_001);
            values.sort_by(f64::total_cmp);
            values[5_000]
        };
        assert!((median("exp:100ms") - 0.0693).abs() < 0.004);
        assert!((median("lognormal:100ms:0.5") - 0.0882).abs() < 0.003);
    }

    #[test]
    fn the_lecture_draws_every_recorded_delay_of_the_service_and_no_other() {
        for service in Service::ALL {
            let mut drawn = draws("lecture", 1.0, 7, service, 1_000);
            drawn.sort_by(f64::total_cmp);
            drawn.dedup();
            let mut known = recorded(service).to_vec();
            known.sort_by(f64::total_cmp);
            assert_eq!(drawn, known);
        }
        assert_eq!(recorded(Service::Location).len(), 13);
        assert_eq!(recorded(Service::Sun).len(), 5);
        // What the project's documents call "about 0.945 s" for the two calls of a sun request.
        assert!((mean(recorded(Service::Location)) + mean(recorded(Service::Sun)) - 0.945).abs() < 0.005);
    }

    #[test]
    fn a_seed_fixes_each_services_draws_whatever_the_others_are_asked() {
        let alone = Delays::new(profile("exp:100ms"), 1.0, 42);
        let mixed = Delays::new(profile("exp:100ms"), 1.0, 42);
        for _ in 0..100 {
            mixed.draw(Service::Location);
            assert_eq!(alone.draw(Service::Sun), mixed.draw(Service::Sun));
        }
        let other = |seed, service| draws("exp:100ms", 1.0, seed, service, 20);
        assert_ne!(other(42, Service::Sun), other(43, Service::Sun));
        assert_ne!(other(42, Service::Sun), other(42, Service::Location));
    }

    #[test]
    fn profiles_parse_back_and_nonsense_is_refused() {
        for text in ["lecture", "fixed:100ms", "exp:1500ms", "lognormal:100ms:0.5", "fixed:0.25ms"] {
            assert_eq!(profile(text).to_string(), text);
        }
        for text in [
            "",
            "fixed",
            "fixed:100",
            "fixed:-1ms",
            "fixed:61s",
            "fixed:infs",
            "exp:NaNms",
            "exp:1ms:2",
            "lognormal:100ms",
            "lognormal:100ms:2.1",
            "lecture:1s",
            "pareto:1s",
        ] {
            assert!(text.parse::<Profile>().is_err(), "{text}");
        }
    }
}
