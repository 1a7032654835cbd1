//! When the sun rises, culminates and sets, in UTC.
//!
//! The positions come from the `solar-positioning` crate, an implementation of NREL's Solar Position
//! Algorithm (Reda and Andreas, 2004). What is added here is the choice of the day, and "none".

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, SubsecRound, TimeDelta, Utc};
use serde::Serialize;
use solar_positioning::{Horizon, Location, SolarEvents, SolarPositions, delta_t};

/// The answer of the sun service: times of day as `06:04:09 AM`, the day's length as `14:24:39`, `none`
/// for what does not happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Times {
    sunrise: String,
    sunset: String,
    solar_noon: String,
    day_length: String,
    civil_twilight_begin: String,
    civil_twilight_end: String,
    nautical_twilight_begin: String,
    nautical_twilight_end: String,
    astronomical_twilight_begin: String,
    astronomical_twilight_end: String,
}

/// The sun's day at a place. The day is the solar one whose noon falls on `date` by local mean time: half
/// a day before noon to half a day after, in whatever UTC day its hours fall. So a sunset in Oregon comes
/// after its sunrise, although in UTC it is early the next morning.
///
/// # Errors
/// When coordinates or date are out of the algorithm's range (90°, 180°, years -500 to 3000).
pub(crate) fn times(date: NaiveDate, lat: f64, lng: f64) -> solar_positioning::Result<Times> {
    let day = Day::new(date, Location { latitude: lat, longitude: lng })?;
    let [(sunrise, sunset), civil, nautical, astronomical] = [
        day.above(Horizon::SunriseSunset)?,
        day.above(Horizon::CivilTwilight)?,
        day.above(Horizon::NauticalTwilight)?,
        day.above(Horizon::AstronomicalTwilight)?,
    ];
    Ok(Times {
        day_length: length(day.daylight(sunrise, sunset)?),
        sunrise: time(sunrise),
        sunset: time(sunset),
        solar_noon: time(Some(day.noon)),
        civil_twilight_begin: time(civil.0),
        civil_twilight_end: time(civil.1),
        nautical_twilight_begin: time(nautical.0),
        nautical_twilight_end: time(nautical.1),
        astronomical_twilight_begin: time(astronomical.0),
        astronomical_twilight_end: time(astronomical.1),
    })
}

/// A solar day at a place.
struct Day {
    at: Location,
    noon: DateTime<Utc>,
    begin: DateTime<Utc>,
    end: DateTime<Utc>,
    /// Seconds between the clocks of the sky (TT) and of the turning Earth (UT1).
    delta_t: f64,
}

type Moment = Option<DateTime<Utc>>;

impl Day {
    fn new(date: NaiveDate, at: Location) -> solar_positioning::Result<Self> {
        let delta_t = delta_t::estimate_from_date(date.year(), date.month())?;
        let clock_noon = NaiveTime::from_hms_opt(12, 0, 0).expect("noon is a time of day");
        let east_of_greenwich = TimeDelta::milliseconds((at.longitude / 360.0 * 86_400_000.0) as i64);
        let mean_noon = date.and_time(clock_noon).and_utc() - east_of_greenwich;
        // The equation of time: the true noon is at most 17 minutes from the mean one.
        let hour = TimeDelta::hours(1);
        let noon = SolarEvents::new()
            .next_transit(&(mean_noon - hour), &(mean_noon + hour), at.longitude, delta_t)?
            .unwrap_or(mean_noon);
        let half = TimeDelta::hours(12);
        Ok(Self { at, noon, begin: noon - half, end: noon + half, delta_t })
    }

    /// When the sun comes above a horizon and when it goes below, if it does. Sunrise is looked for until
    /// well after noon, since on the last days of a polar night the sun is highest a little later.
    fn above(&self, horizon: Horizon) -> solar_positioning::Result<(Moment, Moment)> {
        let events = SolarEvents::new();
        let latest = self.noon + TimeDelta::hours(6);
        let rise = events.next_rise(&self.begin, &latest, self.at, self.delta_t, horizon)?;
        let after = rise.unwrap_or(self.begin);
        let set = events.next_set(&after, &self.end, self.at, self.delta_t, horizon)?;
        Ok((rise, set))
    }

    /// How long the sun is up: all day (24:00:00) or not at all when it neither rises nor sets.
    fn daylight(&self, rise: Moment, set: Moment) -> solar_positioning::Result<TimeDelta> {
        if rise.is_none() && set.is_none() {
            let at_noon = SolarPositions::new().at(&self.noon, self.at, 0.0, self.delta_t, None)?;
            let is_up = at_noon.elevation_angle() > Horizon::SunriseSunset.elevation_angle();
            return Ok(if is_up { self.end - self.begin } else { TimeDelta::zero() });
        }
        Ok(set.unwrap_or(self.end).round_subsecs(0) - rise.unwrap_or(self.begin).round_subsecs(0))
    }
}

fn time(moment: Moment) -> String {
    moment.map_or_else(|| "none".into(), |at| at.round_subsecs(0).format("%I:%M:%S %p").to_string())
}

fn length(daylight: TimeDelta) -> String {
    let seconds = daylight.num_seconds();
    format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sun(date: &str, lat: f64, lng: f64) -> Times {
        times(date.parse().unwrap(), lat, lng).unwrap()
    }

    #[track_caller]
    fn assert_near(expected: &str, time: &str, tolerance_s: i64) {
        let parse = |text| NaiveTime::parse_from_str(text, "%I:%M:%S %p").unwrap();
        let off = (parse(time) - parse(expected)).num_seconds();
        assert!(off.abs() <= tolerance_s, "{time} is not {expected}");
    }

    /// The worked example of the algorithm's own paper (appendix A.5: Golden, Colorado): sunrise at
    /// 6:12:43, transit at 11:46:05 and sunset at 17:20:19, seven hours behind UTC. The paper's days are
    /// UTC's, in which that sunset is the one of the evening before.
    #[test]
    fn the_papers_example_comes_out_to_the_second() {
        let times = sun("2003-10-17", 39.742476, -105.1786);
        assert_near("01:12:43 PM", &times.sunrise, 1);
        assert_near("06:46:05 PM", &times.solar_noon, 1);
        assert_near("12:20:19 AM", &sun("2003-10-16", 39.742476, -105.1786).sunset, 1);
        assert_near("12:18:51 AM", &times.sunset, 1);
        assert!(times.day_length.starts_with("11:06:0"), "{}", times.day_length);
    }

    /// Almanacs give minutes: London has 4:43 to 21:21 BST in midsummer and 8:04 to 15:53 GMT in
    /// midwinter, New York 7:17 to 16:32 EST in midwinter, Sydney 5:41 to 20:05 AEDT in midsummer.
    #[test]
    fn sunrise_and_sunset_are_those_of_the_almanac() {
        for (date, lat, lng, sunrise, sunset) in [
            ("2024-06-20", 51.5074, -0.1278, "03:43:00 AM", "08:21:30 PM"),
            ("2024-12-21", 51.5074, -0.1278, "08:03:45 AM", "03:53:30 PM"),
            ("2024-12-21", 40.7128, -74.0060, "12:16:45 PM", "09:31:45 PM"),
            ("2024-12-22", -33.8688, 151.2093, "06:41:00 PM", "09:05:30 AM"),
        ] {
            let times = sun(date, lat, lng);
            assert_near(sunrise, &times.sunrise, 60);
            assert_near(sunset, &times.sunset, 60);
        }
    }

    /// On the equator at an equinox the sun sinks straight down, a degree in four minutes.
    #[test]
    fn twilights_follow_from_the_suns_depth() {
        let times = sun("2026-03-20", 0.0, 0.0);
        assert_near("12:07:26 PM", &times.solar_noon, 10);
        for (begin, end, minutes) in [
            (&times.sunrise, &times.sunset, 363),
            (&times.civil_twilight_begin, &times.civil_twilight_end, 384),
            (&times.nautical_twilight_begin, &times.nautical_twilight_end, 408),
            (&times.astronomical_twilight_begin, &times.astronomical_twilight_end, 432),
        ] {
            let noon = NaiveTime::parse_from_str(&times.solar_noon, "%I:%M:%S %p").unwrap();
            let far = TimeDelta::minutes(minutes);
            assert_near(&(noon - far).format("%I:%M:%S %p").to_string(), begin, 60);
            assert_near(&(noon + far).format("%I:%M:%S %p").to_string(), end, 60);
        }
        assert!(times.day_length.starts_with("12:06:"), "{}", times.day_length);
    }

    /// Sundials are fastest in the first days of November (16 min 26 s), slowest in mid-February
    /// (14 min 13 s).
    #[test]
    fn noon_follows_the_equation_of_time() {
        assert_near("11:43:34 AM", &sun("2025-11-03", 30.0, 0.0).solar_noon, 5);
        assert_near("12:14:13 PM", &sun("2026-02-11", -30.0, 0.0).solar_noon, 5);
    }

    #[test]
    fn where_the_sun_stays_up_or_down_there_is_none() {
        let midsummer = sun("2026-06-21", 69.65, 18.96);
        assert_eq!((&*midsummer.sunrise, &*midsummer.sunset), ("none", "none"));
        assert_eq!((&*midsummer.day_length, &*midsummer.civil_twilight_begin), ("24:00:00", "none"));
        let midwinter = sun("2026-12-21", 69.65, 18.96);
        assert_eq!((&*midwinter.sunrise, &*midwinter.day_length), ("none", "00:00:00"));
        assert_ne!(midwinter.civil_twilight_begin, "none");
        // London's nights in June never become astronomically dark.
        let london = sun("2026-06-21", 51.5, -0.13);
        assert_eq!(london.astronomical_twilight_end, "none");
        assert_ne!(london.nautical_twilight_end, "none");
        for pole in [90.0, -90.0] {
            assert_eq!(sun("2026-06-21", pole, 0.0).sunrise, "none");
        }
    }

    /// Between the polar night and the first whole day there must be no day of half answers.
    #[test]
    fn every_day_of_the_year_makes_sense_near_the_pole() {
        let mut days = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap().iter_days().take(365);
        let mut up_all_day = 0;
        assert!(days.all(|date| {
            let times = times(date, 69.6492, 18.9553).unwrap();
            up_all_day += u32::from(times.day_length == "24:00:00");
            let whole = times.day_length == "24:00:00" || times.day_length == "00:00:00";
            whole == (times.sunrise == "none" && times.sunset == "none") && !times.day_length.contains('-')
        }));
        assert!(
            (60..=70).contains(&up_all_day),
            "Tromsø's midnight sun lasts nine weeks, not {up_all_day} days"
        );
    }

    #[test]
    fn the_date_line_keeps_the_order_of_the_day() {
        for lng in [-180.0, -179.9, 179.9, 180.0] {
            let times = sun("2026-03-20", -17.7, lng);
            assert!(times.day_length.starts_with("12:"), "{times:?}");
            assert_near("12:07:30 AM", &times.solar_noon, 60);
        }
    }
}
