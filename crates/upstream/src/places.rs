//! The places that the location service knows. Real ones, so that the sun in `sun.rs` can be checked
//! against an almanac; from both hemispheres, the equator and beyond the polar circle.

use serde::Serialize;

/// What the location service knows of a place, and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Place {
    pub(crate) zip: &'static str,
    /// ISO 3166 code, lower case.
    pub(crate) country: &'static str,
    pub(crate) city: &'static str,
    pub(crate) country_name: &'static str,
    /// Degrees, north is positive.
    pub(crate) lat: f64,
    /// Degrees, east is positive.
    pub(crate) lng: f64,
}

/// Finds a place by postal code and country, and its number in the table. Case, spaces and hyphens do
/// not matter: `sw1a1aa,GB` is `SW1A 1AA,gb`.
pub(crate) fn find(zip: &str, country: &str) -> Option<(usize, &'static Place)> {
    let is = |place: &Place| place.country.eq_ignore_ascii_case(country) && same_code(place.zip, zip);
    PLACES.iter().enumerate().find(|(_, place)| is(place))
}

fn same_code(one: &str, other: &str) -> bool {
    fn letters(code: &str) -> impl Iterator<Item = u8> + '_ {
        code.bytes().filter(|byte| !matches!(byte, b' ' | b'-')).map(|byte| byte.to_ascii_uppercase())
    }
    letters(one).eq(letters(other))
}

const fn place(
    zip: &'static str,
    country: &'static str,
    city: &'static str,
    country_name: &'static str,
    lat: f64,
    lng: f64,
) -> Place {
    Place { zip, country, city, country_name, lat, lng }
}

/// New places go to the end: the weather depends on the place's number.
pub(crate) const PLACES: &[Place] = &[
    place("97201", "us", "Portland", "United States", 45.4989, -122.6914),
    place("10001", "us", "New York", "United States", 40.7484, -73.9967),
    place("96813", "us", "Honolulu", "United States", 21.3179, -157.8521),
    place("99701", "us", "Fairbanks", "United States", 64.8378, -147.7164),
    place("SW1A 1AA", "gb", "London", "United Kingdom", 51.5010, -0.1416),
    place("10115", "de", "Berlin", "Germany", 52.5323, 13.3846),
    place("75001", "fr", "Paris", "France", 48.8640, 2.3311),
    place("9008", "no", "Tromsø", "Norway", 69.6492, 18.9553),
    place("9170", "no", "Longyearbyen", "Norway", 78.2232, 15.6267),
    place("101", "is", "Reykjavík", "Iceland", 64.1466, -21.9426),
    place("110001", "in", "New Delhi", "India", 28.6315, 77.2167),
    place("100-0001", "jp", "Tokyo", "Japan", 35.6852, 139.7528),
    place("018956", "sg", "Singapore", "Singapore", 1.2834, 103.8607),
    place("00100", "ke", "Nairobi", "Kenya", -1.2864, 36.8172),
    place("8001", "za", "Cape Town", "South Africa", -33.9249, 18.4241),
    place("01310-100", "br", "São Paulo", "Brazil", -23.5614, -46.6559),
    place("2000", "au", "Sydney", "Australia", -33.8688, 151.2093),
    place("6011", "nz", "Wellington", "New Zealand", -41.2889, 174.7772),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn places_are_found_however_their_code_is_written() {
        for (zip, country) in [("SW1A 1AA", "gb"), ("sw1a1aa", "GB"), ("SW1A-1AA", "gb")] {
            assert_eq!(find(zip, country).unwrap().1.city, "London");
        }
        assert_eq!(find("1000001", "jp").unwrap().1.city, "Tokyo");
        assert_eq!(find("97201", "us").unwrap().0, 0);
        assert!(find("97201", "de").is_none());
        assert!(find("9720", "us").is_none());
    }

    #[test]
    fn there_are_enough_of_them_and_none_is_off_the_globe() {
        let countries: BTreeSet<_> = PLACES.iter().map(|place| place.country).collect();
        assert!(PLACES.len() >= 12 && countries.len() >= 5);
        for place in PLACES {
            assert!(place.lat.abs() <= 90.0 && place.lng.abs() <= 180.0, "{place:?}");
            assert!(find(place.zip, place.country).unwrap().1 == place, "{place:?} stands there twice");
        }
    }
}
