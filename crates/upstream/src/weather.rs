//! Weather that could be true: a climate from latitude and season, and a day's luck from the seed.
//!
//! Nobody should plan a trip with it. What matters is that it looks like an answer worth parsing, and
//! that the same place, seed and date always have the same one.

use std::f64::consts::TAU;

use chrono::{Datelike, NaiveDate};
use rand::RngExt;
use rand::seq::IndexedRandom;
use rand_distr::{Distribution, Normal};
use serde::Serialize;

use crate::delays::generator;
use crate::places::PLACES;

/// The answer of the weather service.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Report {
    city: &'static str,
    country: &'static str,
    date: NaiveDate,
    sky: &'static str,
    temperature: Temperature,
    humidity_percent: u32,
    pressure_hpa: u32,
    cloud_percent: u32,
    wind: Wind,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Temperature {
    now_c: f64,
    low_c: f64,
    high_c: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Wind {
    speed_mps: f64,
    from_degrees: u32,
}

/// Skies with the clouds that they have, in percent.
const SKIES: &[(&str, u32, u32)] = &[
    ("clear", 0, 10),
    ("few clouds", 10, 30),
    ("scattered clouds", 30, 60),
    ("overcast", 85, 100),
    (RAIN, 80, 100),
];
const RAIN: &str = "light rain";
const SNOW: &str = "light snow";

/// The weather at a place of the table (by its number), fixed by seed and date.
pub(crate) fn report(place: usize, seed: u64, date: NaiveDate) -> Report {
    // A stream of random numbers for each place and day, far from those that the delays use.
    let day = date.num_days_from_ce() as u64;
    let mut rng = generator(seed, 1 << 63 | day << 16 | place as u64);
    let place = &PLACES[place];
    let mean_c = climate_c(place.lat, date) + normal(0.0, 3.0).sample(&mut rng);
    let span_c = rng.random_range(4.0..=11.0);
    let (low_c, high_c) = (mean_c - span_c / 2.0, mean_c + span_c / 2.0);
    let &(sky, least, most) = SKIES.choose(&mut rng).expect("there are skies");
    Report {
        city: place.city,
        country: place.country,
        date,
        sky: if sky == RAIN && mean_c < 0.0 { SNOW } else { sky },
        temperature: Temperature {
            now_c: tenths(rng.random_range(low_c..=high_c)),
            low_c: tenths(low_c),
            high_c: tenths(high_c),
        },
        humidity_percent: if sky == RAIN { rng.random_range(75..=98) } else { rng.random_range(30..=85) },
        pressure_hpa: normal(1_013.0, 8.0).sample(&mut rng).round() as u32,
        cloud_percent: rng.random_range(least..=most),
        wind: Wind {
            speed_mps: tenths(rng.random_range(0.5..=12.0)),
            from_degrees: rng.random_range(0..360),
        },
    }
}

/// A day's usual temperature at sea level: warm at the equator, less so with the square of the latitude,
/// and seasons that grow with it, at their height a month after the solstice.
fn climate_c(lat: f64, date: NaiveDate) -> f64 {
    let season = (TAU * (f64::from(date.ordinal()) - 201.0) / 365.25).cos() * lat.signum();
    27.0 - 0.0055 * lat * lat + 0.24 * lat.abs() * season
}

fn normal(mean: f64, sd: f64) -> Normal<f64> {
    Normal::new(mean, sd).expect("a standard deviation that is positive")
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(date: &str, place: usize, seed: u64) -> Report {
        report(place, seed, date.parse().unwrap())
    }

    #[test]
    fn place_seed_and_date_fix_the_weather() {
        let one = at("2026-03-20", 0, 1);
        assert_eq!(one, at("2026-03-20", 0, 1));
        assert_ne!(one, at("2026-03-20", 0, 2));
        assert_ne!(one, at("2026-03-21", 0, 1));
        assert_ne!(one.temperature, at("2026-03-20", 1, 1).temperature);
    }

    #[test]
    fn weather_is_plausible_everywhere_in_every_season() {
        for date in ["2026-01-15", "2026-03-20", "2026-07-15", "2026-10-01"] {
            for place in 0..PLACES.len() {
                for seed in 0..50 {
                    let report = at(date, place, seed);
                    let Temperature { now_c, low_c, high_c } = report.temperature;
                    assert!(low_c <= now_c && now_c <= high_c, "{report:?}");
                    assert!((-50.0..=48.0).contains(&low_c) && high_c <= 48.0, "{report:?}");
                    assert!((960..=1_070).contains(&report.pressure_hpa), "{report:?}");
                    assert!(report.cloud_percent <= 100 && report.wind.from_degrees < 360);
                    assert!(report.sky != SNOW || low_c < 0.0, "{report:?}");
                }
            }
        }
    }

    #[test]
    fn seasons_are_opposite_across_the_equator_and_the_equator_has_none() {
        let [january, july] = ["2026-01-20", "2026-07-20"].map(|date| date.parse().unwrap());
        assert!(climate_c(52.5, july) > climate_c(52.5, january) + 15.0);
        assert!(climate_c(-33.9, january) > climate_c(-33.9, july) + 10.0);
        assert!((climate_c(1.3, january) - climate_c(1.3, july)).abs() < 1.0);
    }
}
