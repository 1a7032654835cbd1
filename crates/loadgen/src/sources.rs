//! What a machine has only so many of: ports to connect from, and file descriptors.
//!
//! A connection is known by its two addresses and two ports. Towards one listening port a client address
//! has about 28,000 of its own on Linux, and one that was closed is not free again at once (`TIME_WAIT`).
//! Linux answers on all of 127.0.0.0/8, so there a second address is a second 28,000.

use std::io;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::ops::RangeInclusive;

use rustix::process::{Resource, getrlimit};

use crate::error::Error;
use crate::protocol::{Load, Spec};

/// Addresses to connect from in turn, so that `ports` find room. Empty where the system's own choice will
/// do, or is the only one.
pub(crate) fn choose(target: IpAddr, ports: u64) -> Vec<IpAddr> {
    let range = port_range();
    // A search for a free port slows down when few are left.
    let per_address = (u64::from(range.end().saturating_sub(*range.start())) * 3 / 4).max(1);
    let wanted = ports.div_ceil(per_address).min(MOST_ADDRESSES);
    if wanted < 2 || !matches!(target, IpAddr::V4(address) if address.is_loopback()) {
        return Vec::new();
    }
    let candidates = (1..=wanted).map(|last| IpAddr::from(Ipv4Addr::new(127, 0, 0, last as u8)));
    let usable: Vec<_> = candidates.filter(|address| UdpSocket::bind((*address, 0)).is_ok()).collect();
    if usable.len() < 2 { Vec::new() } else { usable }
}

/// Ports that `connections` take at the same time, the bystander's among them, and those in `TIME_WAIT`.
pub(crate) fn ports_wanted(spec: &Spec, connections: u32) -> u64 {
    if spec.keep_alive {
        return connections.into();
    }
    let bystander = spec.bystander.as_ref().map_or(0.0, |bystander| bystander.rate_rps);
    let rate = bystander
        + match spec.load {
            Load::Open { rate_rps, shape, .. } => rate_rps * shape.times().max(1.0),
            // Nobody knows beforehand; this is what one core can do.
            Load::Closed { .. } => 20_000.0,
            // Each connects once.
            Load::Subscribe { .. } | Load::Slow { .. } => 0.0,
        };
    let seconds = ((spec.warm_up_ms + spec.window_ms) as f64 / 1_000.0).min(TIME_WAIT_S);
    (rate * seconds) as u64 + u64::from(connections)
}

/// Refuses more connections than this process may have open.
pub(crate) fn check_file_limit(connections: u32, workers: u32) -> Result<(), Error> {
    let Some(limit) = getrlimit(Resource::Nofile).current else { return Ok(()) };
    let free = limit.saturating_sub(open_files());
    let needed = u64::from(connections) + u64::from(workers) * FILES_PER_WORKER + 8;
    if needed <= free {
        return Ok(());
    }
    Err(Error::Spec(format!(
        "{connections} connections need {needed} file descriptors, but the limit of {limit} leaves {free}; \
         raise it (`ulimit -n {}`) or ask for fewer",
        limit + needed - free
    )))
}

/// Raises the limit of open files as far as this process may, and says what it is then.
///
/// For programs: a library should not change what belongs to the whole process.
pub fn raise_file_limit() -> Option<u64> {
    use rustix::process::{Rlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: maximum, maximum };
    if setrlimit(Resource::Nofile, wanted).is_ok() { maximum } else { current }
}

const MOST_ADDRESSES: u64 = 64;
const TIME_WAIT_S: f64 = 60.0;
/// Its event queue and what wakes it.
const FILES_PER_WORKER: u64 = 4;

fn open_files() -> u64 {
    // `/dev/fd` is there on Linux and on macOS. Without it: standard streams and a few.
    std::fs::read_dir("/dev/fd").map_or(8, |files| files.count() as u64)
}

fn port_range() -> RangeInclusive<u16> {
    let read = || -> io::Result<Option<RangeInclusive<u16>>> {
        let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")?;
        let mut ports = text.split_whitespace().map(str::parse);
        Ok(match (ports.next(), ports.next()) {
            (Some(Ok(first)), Some(Ok(last))) => Some(first..=last),
            _ => None,
        })
    };
    // The range that IANA sets aside, which macOS uses.
    read().ok().flatten().unwrap_or(49_152..=65_535)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[test]
    fn few_connections_need_no_addresses_of_their_own() {
        assert!(choose(HERE, 2_048).is_empty());
        assert!(choose("::1".parse().unwrap(), 1_000_000).is_empty());
        assert!(choose("192.0.2.1".parse().unwrap(), 1_000_000).is_empty());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn many_connections_share_several_addresses() {
        let addresses = choose(HERE, 200_000);
        assert!((4..=64).contains(&addresses.len()), "{addresses:?}");
        assert!(addresses.iter().all(IpAddr::is_loopback));
        assert_eq!(choose(HERE, u64::MAX).len(), 64);
    }

    #[test]
    fn a_connection_per_request_wants_ports_by_rate_and_time() {
        let mut spec: Spec = serde_json::from_str(
            r#"{"url": "http://127.0.0.1/", "timeout_ms": 1, "warm_up_ms": 1000, "window_ms": 9000,
                "keep_alive": false, "load": {"mode": "open", "rate_rps": 500, "connections": 40}}"#,
        )
        .unwrap();
        assert_eq!(ports_wanted(&spec, 40), 5_040);
        spec.window_ms = 3_600_000;
        assert_eq!(ports_wanted(&spec, 40), 30_040, "those of a minute ago are free again");
        spec.keep_alive = true;
        assert_eq!(ports_wanted(&spec, 40), 40);
    }

    #[test]
    fn the_file_limit_is_named_with_what_it_leaves() {
        assert!(check_file_limit(1, 1).is_ok());
        let refusal = check_file_limit(u32::MAX, 4).unwrap_err().to_string();
        assert!(refusal.starts_with("4294967295 connections need 4294967319 file descriptors"), "{refusal}");
        assert!(refusal.contains("ulimit -n"), "{refusal}");
    }
}
