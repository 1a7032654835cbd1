//! The box that an experiment puts its servers in: how much address space, how many open files, how many CPUs.
//! `confine.rs` closes it around a server that is up.

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::number::some_within;

/// The `[server]` table. What it does not name is not limited.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Addresses that the process may map, such as `"512MB"`: a stand-in for a container's memory and thread
    /// limits, since each thread's stack is mapped whole when the thread is made.
    pub address_space: Option<Bytes>,
    /// Open files of the process, sockets among them.
    #[serde(deserialize_with = "some_within::<_, 32, 1_000_000>")]
    pub open_files: Option<u64>,
    /// CPUs that the server runs on; the load has the others.
    #[serde(deserialize_with = "some_within::<_, 1, 1_024>")]
    pub cpus: Option<u64>,
}

impl Server {
    /// Whether a process has to be limited.
    pub fn is_confined(&self) -> bool {
        self.address_space.is_some() || self.open_files.is_some()
    }
}

/// A number of bytes, written with its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub u64);

const UNITS: [(&str, u64); 6] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
];
/// Under this no server starts a thread, and over it nobody is limited.
const LEAST: u64 = 64_000_000;
const MOST: u64 = 1 << 40;

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let read = UNITS.iter().find_map(|(unit, bytes)| {
            let number: u64 = text.strip_suffix(unit)?.trim_end().parse().ok()?;
            number.checked_mul(*bytes)
        });
        match read {
            Some(bytes) if (LEAST..=MOST).contains(&bytes) => Ok(Self(bytes)),
            Some(_) => Err(D::Error::custom(format!("{text} is not within 64MB to 1024GiB"))),
            None => Err(D::Error::custom(format!(
                "{text:?} is no size; write a whole number and one of KB, MB, GB, KiB, MiB and GiB, such as \"512MB\""
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Server, String> {
        toml::from_str(text).map_err(|error: toml::de::Error| error.to_string())
    }

    #[test]
    fn sizes_are_read_with_their_unit() {
        for (text, bytes) in
            [("512MB", 512_000_000), ("1 GiB", 1 << 30), ("1024MiB", 1 << 30), ("64001KB", 64_001_000)]
        {
            let server = read(&format!("address_space = \"{text}\"")).unwrap();
            assert_eq!(server.address_space, Some(Bytes(bytes)), "{text}");
        }
    }

    #[test]
    fn what_is_no_limit_is_refused_with_what_is() {
        for (text, expected) in [
            ("address_space = \"512\"", &["line 1", "\"512\" is no size", "such as \"512MB\""][..]),
            ("address_space = 512", &["line 1", "integer `512`", "string"]),
            ("address_space = \"-1MB\"", &["no size"]),
            ("address_space = \"99999999999999GB\"", &["no size"]),
            ("address_space = \"1MB\"", &["1MB is not within 64MB to 1024GiB"]),
            ("open_files = 3", &["3 is not within 32 to 1000000"]),
            ("cpus = 0", &["0 is not within 1 to 1024"]),
            ("memory = \"1GB\"", &["unknown field `memory`", "`address_space`, `open_files`, `cpus`"]),
        ] {
            let error = read(text).unwrap_err();
            for part in expected {
                assert!(error.contains(part), "{text}: {part:?} is not in {error}");
            }
        }
    }
}
