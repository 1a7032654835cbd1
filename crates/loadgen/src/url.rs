//! The URL of a spec: plain HTTP to an address, by default on this machine.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::error::Error;
use crate::plan::refuse;

/// `http://ADDRESS:PORT/path?query`, taken apart.
pub(crate) struct Url<'a> {
    pub(crate) text: &'a str,
    /// Address without port and brackets, as written.
    pub(crate) host: &'a str,
    pub(crate) authority: &'a str,
    pub(crate) path: &'a str,
    pub(crate) target: SocketAddr,
}

impl<'a> Url<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Self, Error> {
        let wrong = |why: &str| {
            Error::Spec(format!("the URL {text:?} {why}; give one such as http://127.0.0.1:8080/hello"))
        };
        let rest = text.strip_prefix("http://").ok_or_else(|| wrong("does not begin with http://"))?;
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) || text.contains('#') {
            return Err(wrong("holds a space, a fragment or a character that must be percent-encoded"));
        }
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if path.starts_with('?') {
            return Err(wrong("has a query without a path before it"));
        }
        let path = if path.is_empty() { "/" } else { path };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                (host, port.parse().map_err(|_| wrong("has a port that is not 1 to 65535"))?)
            }
            _ => (authority, 80),
        };
        if port == 0 {
            return Err(wrong("has port 0, on which nobody can listen"));
        }
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let address = if host == "localhost" {
            IpAddr::from(Ipv4Addr::LOCALHOST)
        } else {
            host.parse()
                .map_err(|_| wrong("names its host by something else than an address or localhost"))?
        };
        Ok(Self { text, host, authority, path, target: SocketAddr::new(address, port) })
    }

    /// Load is for machines of one's own.
    pub(crate) fn check_host(&self, allow_remote: Option<&str>) -> Result<(), Error> {
        if self.target.ip().is_loopback() || allow_remote == Some(self.host) {
            return Ok(());
        }
        refuse(format!(
            "{} is not on this machine; load goes to loopback addresses only, unless the host is named once \
             more: allow_remote {:?}",
            self.text, self.host
        ))
    }
}
