//! The settings of the services, which are the flags of the command. Next: `server.rs` starts with them.

use std::net::SocketAddr;

use chrono::{Datelike, NaiveDate};
use clap::Args;

use crate::Profile;

/// How the services behave. [`Config::default`] is what the command does without flags.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Config {
    /// Port on 127.0.0.1; 0 takes any free one (the line on standard output says which)
    #[arg(long, default_value_t = DEFAULT_PORT)]
    pub port: u16,

    /// How long calls take: lecture, fixed:TIME, exp:MEAN or lognormal:MEAN:SIGMA
    ///
    /// lecture: each call draws one of the delays recorded in the lecture, 0.29 to 0.54 s for a location
    /// and 0.40 to 0.74 s for the sun; nobody recorded the weather, which draws from the location's.
    /// fixed:100ms: always that. exp:100ms: exponential around a mean, many short calls and a few long
    /// ones, as in the textbook's M/M/c queue. lognormal:100ms:0.5: what real services look like;
    /// SIGMA (0 to 2) says how long the tail is. The time is the mean in all of them, not the median, so
    /// that K/W stays what it was when only the shape changes. Units: ms or s.
    #[arg(long, value_name = "PROFILE", default_value_t = Profile::Lecture)]
    pub delay: Profile,

    /// Multiplies every delay: 0.2 makes the services five times as fast, 0 instant (times of ordered
    /// faults are not multiplied)
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = time_scale, allow_negative_numbers = true)]
    pub time_scale: f64,

    /// Delays, shares of faults and the weather follow from it: the n-th call to a path always draws the
    /// n-th delay
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,

    /// Serves K calls at a time and queues the rest, first come first served, as a database pool does
    /// [default: no limit]
    ///
    /// K calls at a time that take W on average are never more than K/W calls a second, however many
    /// clients wait in front. Without a limit this downstream never fills up, which flatters async
    /// servers.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
    pub capacity: Option<u32>,

    /// The day of sun and weather, YYYY-MM-DD, 1900 to 2100
    ///
    /// Fixed, so that answers are the same tomorrow. Around the equinox, the default, every place of the
    /// table has a sunrise; try 2026-06-21 with Tromsø (9008,no), where the answer is "none".
    #[arg(long, value_name = "DATE", default_value_t = DEFAULT_DATE, value_parser = date)]
    pub date: NaiveDate,
}

const DEFAULT_PORT: u16 = 8003;
const DEFAULT_DATE: NaiveDate = NaiveDate::from_ymd_opt(2026, 3, 20).expect("a day in the calendar");

impl Default for Config {
    fn default() -> Self {
        Self {
            port: DEFAULT_PORT,
            delay: Profile::Lecture,
            time_scale: 1.0,
            seed: 1,
            capacity: None,
            date: DEFAULT_DATE,
        }
    }
}

impl Config {
    /// Where to listen: nobody but this machine should be able to slow the services down.
    pub(crate) fn listen_on(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// Refuses what the flags cannot say but a program can.
    pub(crate) fn check(&self) -> Result<(), String> {
        time_scale(&self.time_scale.to_string()).map_err(|why| format!("time_scale {why}"))?;
        date(&self.date.to_string()).map_err(|why| format!("date {why}"))?;
        self.delay.to_string().parse::<Profile>().map_err(|why| format!("delay: {why}"))?;
        if self.capacity == Some(0) {
            return Err("capacity must be at least 1, or None".into());
        }
        Ok(())
    }
}

fn time_scale(text: &str) -> Result<f64, String> {
    let factor: Option<f64> = text.parse().ok();
    factor.filter(|factor| (0.0..=100.0).contains(factor)).ok_or_else(|| "must be a number, 0 to 100".into())
}

fn date(text: &str) -> Result<NaiveDate, String> {
    let date: Option<NaiveDate> = text.parse().ok();
    date.filter(|date| (1900..=2100).contains(&date.year()))
        .ok_or_else(|| "must be a day of the calendar as in 2026-03-20, 1900 to 2100".into())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        config: Config,
    }

    fn parse(flags: &[&str]) -> Result<Config, String> {
        let all = std::iter::once(&"upstream").chain(flags);
        Flags::try_parse_from(all).map(|flags| flags.config).map_err(|error| error.to_string())
    }

    #[test]
    fn no_flags_mean_the_default() {
        assert_eq!(parse(&[]), Ok(Config::default()));
    }

    #[test]
    fn a_program_can_ask_for_no_more_than_the_flags_can() {
        let sound = Config::default;
        assert_eq!(sound().check(), Ok(()));
        let delay = Profile::Lognormal { mean: std::time::Duration::from_millis(1), sigma: f64::NAN };
        for broken in [
            Config { time_scale: f64::INFINITY, ..sound() },
            Config { capacity: Some(0), ..sound() },
            Config { date: NaiveDate::MAX, ..sound() },
            Config { delay, ..sound() },
        ] {
            assert!(broken.check().is_err(), "{broken:?}");
        }
    }

    #[test]
    fn flags_out_of_range_are_refused_by_name() {
        for (flag, value) in [
            ("--port", "65536"),
            ("--delay", "fixed"),
            ("--time-scale", "-1"),
            ("--time-scale", "NaN"),
            ("--seed", "-1"),
            ("--capacity", "0"),
            ("--date", "2026-02-29"),
            ("--date", "1899-12-31"),
        ] {
            let error = parse(&[&format!("{flag}={value}")]).unwrap_err();
            assert!(error.contains(flag) && error.contains(value), "{error}");
        }
    }
}
