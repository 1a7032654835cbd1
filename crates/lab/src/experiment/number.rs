//! Numbers within limits, and the parser's complaints in the words of whoever wrote the file.

use std::fmt;

use serde::de::{Deserializer, Error, Visitor};

/// A whole number in a range.
pub(super) fn within<'de, D: Deserializer<'de>, const MIN: u64, const MAX: u64>(
    deserializer: D,
) -> Result<u64, D::Error> {
    deserializer.deserialize_i64(Whole::<MIN, MAX>)
}

/// The same, of a key that may be missing.
pub(super) fn some_within<'de, D: Deserializer<'de>, const MIN: u64, const MAX: u64>(
    deserializer: D,
) -> Result<Option<u64>, D::Error> {
    within::<_, MIN, MAX>(deserializer).map(Some)
}

/// A number over 0, and at most so much.
pub(super) fn over_0<'de, D: Deserializer<'de>>(deserializer: D, most: f64) -> Result<f64, D::Error> {
    deserializer.deserialize_f64(Over0 { most })
}

/// A parser's complaint, with the file's words for what it calls by Rust's.
pub(super) fn in_plain_words(error: &str) -> String {
    let words = [
        ("expected i64", "expected a whole number"),
        ("expected u64", "expected a whole number from 0 on"),
        ("expected u32", "expected a whole number from 0 to 4294967295"),
        ("expected f64", "expected a number"),
        ("expected a sequence", "expected a list, such as [\"…\"]"),
        (
            "unit variant, expected struct variant",
            "a word alone, expected a table, such as { spike = { at_ms = 2000, for_ms = 3000, times = 10 } }",
        ),
        ("invalid type: sequence", "invalid type: a list"),
        ("invalid type: map", "invalid type: a table"),
        ("unknown variant", "unknown word"),
        ("unknown field", "unknown key"),
        ("missing field", "missing key"),
        ("available keys:", "expected one of"),
        ("unexpected keys in table:", "unknown key"),
        ("duplicate key", "this key is there twice"),
    ];
    words.iter().fold(error.trim_end().to_owned(), |text, (from, to)| text.replace(from, to))
}

struct Whole<const MIN: u64, const MAX: u64>;

impl<const MIN: u64, const MAX: u64> Visitor<'_> for Whole<MIN, MAX> {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number from {MIN} to {MAX}")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<u64, E> {
        let within = u64::try_from(number).ok().filter(|number| (MIN..=MAX).contains(number));
        within.ok_or_else(|| E::custom(format!("{number} is not within {MIN} to {MAX}")))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<u64, E> {
        self.visit_i64(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

struct Over0 {
    most: f64,
}

impl Visitor<'_> for Over0 {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a number over 0 and at most {}", self.most)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<f64, E> {
        if number > 0.0 && number <= self.most {
            Ok(number)
        } else {
            Err(E::custom(format!("{number} is not over 0 and at most {}", self.most)))
        }
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<f64, E> {
        self.visit_f64(number as f64)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<f64, E> {
        self.visit_f64(number as f64)
    }
}
