//! The cheapest server that there can be, to find out what the generator itself costs.
//!
//! One thread, one reply for whatever comes, no parsing. Pin it to one core and the generator to another,
//! then compare requests per second of *client* CPU time with other generators:
//!
//! ```text
//! cargo run --release -p loadgen --example null_server -- 8099
//! cargo run --release -p loadgen --example per_cpu_second -- http://127.0.0.1:8099/hello 64
//! ```

use std::io;
use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

const REPLY: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 17\r\n\r\n{\"hello\":\"world\"}";
/// Whoever says so gets one reply and the end.
const CLOSE: &[u8] = b"onnection: close";

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok()).unwrap_or(0);
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
    let listener = socket.listen(4_096)?;
    println!("listening on http://{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(serve(stream));
    }
}

/// Until the client leaves; what goes wrong on its connection is the client's business.
async fn serve(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut request = [0; 1_024];
    loop {
        let length = stream.read(&mut request).await?;
        if length == 0 {
            return Ok(());
        }
        stream.write_all(REPLY).await?;
        if request[..length].windows(CLOSE.len()).any(|window| window == CLOSE) {
            return Ok(());
        }
    }
}
