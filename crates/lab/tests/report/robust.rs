//! Whatever is missing or absurd in a results file, there is a report and no panic.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use lab::report;
use lab::results::Results;
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture;

/// A small run of every kind, as JSON.
static SMALL: LazyLock<Value> = LazyLock::new(|| {
    let mut results = fixture::plausible();
    results.trials.truncate(15);
    serde_json::to_value(results).unwrap()
});

/// What a field may come to hold: nothing, and the ends of what fits in it.
static ABSURD: LazyLock<[Value; 9]> = LazyLock::new(|| {
    [
        json!(null),
        json!(0),
        json!(-1),
        json!(1),
        json!(u32::MAX),
        json!(u64::MAX),
        json!(1e308),
        json!(5e-324),
        json!(""),
    ]
});

/// Every change of one field that still is a results file.
static CHANGES: LazyLock<Vec<(String, Value)>> = LazyLock::new(|| {
    let mut places = Vec::new();
    leaves(&SMALL, String::new(), &mut places);
    // What fits into a field of one trial fits into the same field of all: each is tried once.
    let mut fits: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for place in &places {
        fits.entry(field(place)).or_insert_with(|| {
            let fit = |value: &&Value| results(&[(place.clone(), (*value).clone())]).is_some();
            ABSURD.iter().filter(fit).cloned().collect()
        });
    }
    places
        .iter()
        .flat_map(|place| fits[&field(place)].iter().map(|value| (place.clone(), value.clone())))
        .collect()
});

/// A place without its numbers.
fn field(place: &str) -> String {
    place.chars().filter(|letter| !letter.is_ascii_digit()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn any_results_have_a_report(picks in prop::collection::vec(any::<prop::sample::Index>(), 1..120)) {
        let changes: Vec<(String, Value)> = picks.iter().map(|pick| pick.get(&CHANGES).clone()).collect();
        reported(&results(&changes).expect("each change alone is fine"));
    }
}

#[test]
fn everything_that_may_be_null_is_null() {
    let nulls: Vec<(String, Value)> = CHANGES.iter().filter(|(_, value)| value.is_null()).cloned().collect();
    assert!(nulls.len() > 200, "{} places may be null", nulls.len());
    reported(&results(&nulls).unwrap());
}

#[test]
fn each_absurd_value_everywhere_at_once() {
    for value in ABSURD.iter() {
        let changes: Vec<(String, Value)> =
            CHANGES.iter().filter(|(_, change)| change == value).cloned().collect();
        reported(&results(&changes).unwrap());
    }
}

fn reported(results: &Results) {
    let dir = TempDir::new().unwrap();
    report::write(dir.path(), results).unwrap();
    for columns in [0, 60, 100, 10_000] {
        assert!(!report::summary_within(results, columns).contains("NaN"));
    }
}

fn results(changes: &[(String, Value)]) -> Option<Results> {
    let mut json = SMALL.clone();
    for (place, value) in changes {
        *json.pointer_mut(place)? = value.clone();
    }
    serde_json::from_value(json).ok()
}

/// JSON pointers of all scalars.
fn leaves(value: &Value, at: String, places: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                leaves(value, format!("{at}/{name}"), places);
            }
        }
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                leaves(item, format!("{at}/{place}"), places);
            }
        }
        _ => places.push(at),
    }
}
