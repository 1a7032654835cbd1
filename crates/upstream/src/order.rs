//! Trouble on demand: what `POST /control` takes.
//!
//! The body names the faults that hold from now on, so that an empty object calls all of them off:
//!
//! ```json
//! {"stall": {"for_ms": 5000, "path": "/weather"}, "error": {"rate": 0.1, "status": 503, "count": 20}}
//! ```
//!
//! | fault | what a caller sees, after the usual delay | fields of its own |
//! | --- | --- | --- |
//! | `stall` | nothing, until it is over; then everything that waited at once | `for_ms` is required |
//! | `reset` | the connection ends without an answer (TCP RST) | |
//! | `error` | a problem instead of the answer | `status`, 400 to 599, else 500 |
//! | `garbage` | status 200, and a body that is not JSON | |
//! | `slow_body` | the head in time, the body in pieces | `over_ms`, 1 to 60,000: until the last piece |
//!
//! Every fault takes `path` (else it hits all three services) and `for_ms` (1 to 600,000; after that it
//! is over). All but `stall`, which holds everybody, take `rate` (the share of calls it hits, over 0 to 1,
//! else all) and `count` (over after so many hits). With neither `for_ms` nor `count` a fault holds until
//! it is called off. When several could hit a call, the order is that of the table; two rates of 0.3 hit
//! 60 % of calls between them.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Service;

/// The faults of a `POST /control`, and of the state that answers it.
pub(crate) type Order = BTreeMap<Kind, Fault>;

/// What goes wrong. The order is the order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Stall,
    Reset,
    Error,
    Garbage,
    SlowBody,
}

/// How it goes wrong. Absent fields mean what the module's documentation says.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<Service>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rate: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) for_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) over_ms: Option<u64>,
}

/// Reads the body of a `POST /control`.
///
/// # Errors
/// One sentence that names the field, and says what is allowed there.
pub(crate) fn order(body: &[u8]) -> Result<Order, String> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let named: Named = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let field = error.path().to_string();
        let reason = error.inner();
        match field.rsplit_once('.').and_then(|(_, name)| allowed(name)) {
            Some(allowed) => format!("{field} must be {allowed}: {reason}"),
            None if field == "." => format!("{reason}; {USAGE}"),
            None => format!("{field}: {reason}"),
        }
    })?;
    json.end().map_err(|error| format!("{error}; {USAGE}"))?;
    let order = named.into_order();
    for (kind, fault) in &order {
        fault.check(*kind)?;
    }
    Ok(order)
}

/// The body, field by field: a map would lose the name of the fault in which an error is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    stall: Option<Fault>,
    reset: Option<Fault>,
    error: Option<Fault>,
    garbage: Option<Fault>,
    slow_body: Option<Fault>,
}

impl Named {
    fn into_order(self) -> Order {
        let all = [
            (Kind::Stall, self.stall),
            (Kind::Reset, self.reset),
            (Kind::Error, self.error),
            (Kind::Garbage, self.garbage),
            (Kind::SlowBody, self.slow_body),
        ];
        all.into_iter().filter_map(|(kind, fault)| Some((kind, fault?))).collect()
    }
}

const USAGE: &str = "the body names faults (stall, reset, error, garbage, slow_body), as in \
                     {\"stall\":{\"for_ms\":5000}}, and {} calls all of them off";

/// What a field of a fault may be.
fn allowed(field: &str) -> Option<&'static str> {
    Some(match field {
        "path" => "/location, /sun or /weather",
        "rate" => "more than 0, at most 1",
        "for_ms" => "1 to 600000",
        "count" => "1 to 1000000000",
        "status" => "400 to 599",
        "over_ms" => "1 to 60000",
        _ => return None,
    })
}

impl Fault {
    fn check(&self, kind: Kind) -> Result<(), String> {
        let at = |field| Field { kind, field };
        at("rate").holds(self.rate, |rate| rate > 0.0 && rate <= 1.0)?;
        at("for_ms").holds(self.for_ms, |ms| (1..=600_000).contains(&ms))?;
        at("count").holds(self.count, |count| (1..=1_000_000_000).contains(&count))?;
        at("status").holds(self.status, |status| (400..=599).contains(&status))?;
        at("over_ms").holds(self.over_ms, |ms| (1..=60_000).contains(&ms))?;
        if kind == Kind::Stall {
            at("rate").foreign(self.rate)?;
            at("count").foreign(self.count)?;
            at("for_ms").required(self.for_ms)?;
        }
        if kind != Kind::Error {
            at("status").foreign(self.status)?;
        }
        if kind == Kind::SlowBody {
            at("over_ms").required(self.over_ms)
        } else {
            at("over_ms").foreign(self.over_ms)
        }
    }
}

/// A field of a fault, as messages name it.
struct Field {
    kind: Kind,
    field: &'static str,
}

impl Field {
    fn holds<T: Copy + fmt::Display>(
        &self,
        value: Option<T>,
        is_allowed: fn(T) -> bool,
    ) -> Result<(), String> {
        match value {
            Some(value) if !is_allowed(value) => {
                Err(format!("{self} must be {}, not {value}", allowed(self.field).unwrap_or_default()))
            }
            _ => Ok(()),
        }
    }

    fn required<T>(&self, value: Option<T>) -> Result<(), String> {
        value
            .map(drop)
            .ok_or_else(|| format!("{self} is missing: {}", allowed(self.field).unwrap_or_default()))
    }

    fn foreign<T>(&self, value: Option<T>) -> Result<(), String> {
        let takes = match self.kind {
            Kind::Stall => "path and for_ms (it holds every call)",
            Kind::Error => "path, rate, for_ms, count and status",
            Kind::Reset | Kind::Garbage => "path, rate, for_ms and count",
            Kind::SlowBody => "path, rate, for_ms, count and over_ms",
        };
        value.map_or(Ok(()), |_| Err(format!("{self} does not exist: this fault takes {takes}")))
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Stall => "stall",
            Kind::Reset => "reset",
            Kind::Error => "error",
            Kind::Garbage => "garbage",
            Kind::SlowBody => "slow_body",
        };
        write!(f, "{kind}.{}", self.field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_an_order_is_said_with_its_field_and_what_is_allowed() {
        for (body, says) in [
            ("", "as in {\"stall\":{\"for_ms\":5000}}"),
            ("[]", "the body names faults"),
            ("{} {}", "trailing"),
            (r#"{"stal":{}}"#, "expected one of `stall`, `reset`, `error`, `garbage`, `slow_body`"),
            (r#"{"stall":{}}"#, "stall.for_ms is missing: 1 to 600000"),
            (r#"{"stall":{"for_ms":0}}"#, "stall.for_ms must be 1 to 600000, not 0"),
            (r#"{"stall":{"for_ms":-5}}"#, "stall.for_ms must be 1 to 600000: invalid value: integer `-5`"),
            (r#"{"stall":{"for_ms":5,"rate":0.5}}"#, "stall.rate does not exist: this fault takes path and"),
            (r#"{"stall":{"for_ms":5,"path":"/moon"}}"#, "stall.path must be /location, /sun or /weather: "),
            (r#"{"error":{"rate":1.5}}"#, "error.rate must be more than 0, at most 1, not 1.5"),
            (r#"{"error":{"rate":0}}"#, "error.rate must be more than 0"),
            (
                r#"{"error":{"rate":"often"}}"#,
                "error.rate must be more than 0, at most 1: invalid type: string",
            ),
            (r#"{"error":{"status":200}}"#, "error.status must be 400 to 599, not 200"),
            (r#"{"error":{"count":0}}"#, "error.count must be 1 to 1000000000, not 0"),
            (
                r#"{"error":{"often":1}}"#,
                "error.often: unknown field `often`, expected one of `path`, `rate`, `for_ms`",
            ),
            (r#"{"reset":{"status":500}}"#, "reset.status does not exist"),
            (r#"{"garbage":{"over_ms":5}}"#, "garbage.over_ms does not exist"),
            (r#"{"slow_body":{}}"#, "slow_body.over_ms is missing: 1 to 60000"),
            (r#"{"reset":{},"reset":{}}"#, "duplicate field `reset`"),
        ] {
            let error = order(body.as_bytes()).unwrap_err();
            assert!(error.contains(says), "{body}: {error}");
        }
    }
}
