//! The one socket option that no safe wrapper among the dependencies offers.

#![cfg_attr(
    target_os = "linux",
    expect(unsafe_code, reason = "`IP_BIND_ADDRESS_NO_PORT` is in neither tokio, socket2 nor rustix")
)]

use std::io;

use tokio::net::TcpSocket;

/// Lets `connect` choose the port instead of `bind`. `bind` does not know the other end yet and must take
/// a port that nobody on this address uses for anything; `connect` may share it with connections
/// elsewhere, and take one over from `TIME_WAIT`.
#[cfg(target_os = "linux")]
pub(crate) fn choose_port_when_connecting(socket: &TcpSocket) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    let on: libc::c_int = 1;
    // SAFETY: the descriptor is open for as long as `socket` is borrowed; the option takes an `int`, whose
    // address and size are given, and the kernel only reads it during the call.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_IP,
            libc::IP_BIND_ADDRESS_NO_PORT,
            (&raw const on).cast(),
            size_of_val(&on) as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Elsewhere `bind` chooses.
#[cfg(not(target_os = "linux"))]
pub(crate) fn choose_port_when_connecting(_socket: &TcpSocket) -> io::Result<()> {
    Ok(())
}
