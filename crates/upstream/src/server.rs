//! The listener and its connections, on one thread. Next: `routes.rs`, what a request asks for.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

use crate::Config;
use crate::call::Services;
use crate::routes::respond;

/// Connections that may wait to be accepted: thousands of clients come at the same moment.
const BACKLOG: u32 = 4_096;

/// How long calls in service may take to finish after a stop.
const GRACE: Duration = Duration::from_secs(2);

/// Services that run on a thread of their own. Dropping this stops them without waiting for it.
pub struct Running {
    /// Where they listen.
    pub addr: SocketAddr,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

/// Starts the services; they accept connections when this returns.
///
/// # Errors
/// When the port is taken, a setting is out of its range, or the system refuses the thread.
pub fn start(config: Config) -> io::Result<Running> {
    config.check().map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why))?;
    let runtime = runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let listener = {
        let _context = runtime.enter();
        listen(config.listen_on())?
    };
    let addr = listener.local_addr()?;
    let (stop, stopping) = watch::channel(false);
    let services = Arc::new(Services::new(config));
    let thread = std::thread::Builder::new()
        .name("upstream".into())
        .spawn(move || runtime.block_on(serve(listener, services, stopping)))?;
    Ok(Running { addr, stop, thread: Some(thread) })
}

impl Running {
    /// Something to stop the services with from elsewhere, a signal's thread for example.
    pub fn stopper(&self) -> impl FnOnce() + Send + 'static {
        let stop = self.stop.clone();
        move || {
            stop.send_replace(true);
        }
    }

    /// Returns when somebody has stopped the services and they are done.
    ///
    /// # Errors
    /// When they panicked.
    pub fn wait(mut self) -> io::Result<()> {
        let end = self.thread.take().map_or(Ok(()), JoinHandle::join);
        end.map_err(|_| io::Error::other("the services panicked; the message is above"))
    }

    /// Takes no new connections, lets calls in service finish (2 s at most) and returns when all is over.
    ///
    /// # Errors
    /// When the services had panicked.
    pub fn stop(self) -> io::Result<()> {
        self.stopper()();
        self.wait()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.stop.send_replace(true);
        }
    }
}

fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    // Connections of a former run that are not quite over must not keep the port.
    socket.set_reuseaddr(true)?;
    let listening = socket.bind(addr).and_then(|()| socket.listen(BACKLOG));
    listening.map_err(|error| {
        let advice = "take another port with --port, or any free one with --port 0";
        io::Error::new(error.kind(), format!("cannot listen on {addr}: {error}; {advice}"))
    })
}

async fn serve(listener: TcpListener, services: Arc<Services>, stopping: watch::Receiver<bool>) {
    // Nothing is ever sent: the channel closes when the last connection drops its end.
    let (open, mut all_closed) = mpsc::channel::<()>(1);
    let mut stop = pin!(stopped(stopping.clone()));
    let mut complained = false;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let (services, stopping, open) = (Arc::clone(&services), stopping.clone(), open.clone());
                tokio::spawn(async move {
                    connection(stream, services, stopping).await;
                    drop(open);
                });
            }
            Err(error) => {
                if !complained {
                    eprintln!("upstream: cannot accept a connection, will go on trying: {error}");
                    complained = true;
                }
                // Out of files: they come back when others hang up. At once would be a busy loop.
                sleep(Duration::from_millis(10)).await;
            }
        }
    }
    drop((listener, open));
    let _ = timeout(GRACE, all_closed.recv()).await;
}

/// Serves a connection until it closes. There is no time limit on it: it comes from this machine, and an
/// idle one belongs to a client's pool, which would trip over a connection that closes by itself.
async fn connection(stream: TcpStream, services: Arc<Services>, stopping: watch::Receiver<bool>) {
    // An answer is small and complete; waiting for more of it would cost 40 ms.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| Box::pin(respond(Arc::clone(&services), request)));
    let mut connection = http1::Builder::new()
        .header_read_timeout(None)
        .max_buf_size(MOST_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut stop = pin!(stopped(stopping));
    let mut told = false;
    let end = loop {
        tokio::select! {
            end = poll_fn(|context| connection.poll_without_shutdown(context)) => break end,
            () = &mut stop, if !told => {
                told = true;
                std::pin::Pin::new(&mut connection).graceful_shutdown();
            }
        }
    };
    // The only error of ours is the one that asks for a reset.
    if end.is_err_and(|error| error.is_user()) {
        let stream = connection.into_parts().io.into_inner();
        // With nothing to linger for, closing sends RST instead of FIN.
        let _ = stream.set_zero_linger();
    }
}

/// Enough for any request here, and small enough for thousands of connections.
const MOST_HEAD_BYTES: usize = 16 * 1024;

async fn stopped(mut stopping: watch::Receiver<bool>) {
    // An error says that the sender is gone, which is a stop as well.
    let _ = stopping.wait_for(|stop| *stop).await;
}
