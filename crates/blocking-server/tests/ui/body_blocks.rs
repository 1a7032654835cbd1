//! A stream whose next chunk is not there yet, and which keeps its thread until it is.

use std::io;

use blocking_server::wsgi::{Body, Chunk};

struct Ticks;

fn tick() -> Chunk {
    std::thread::sleep(std::time::Duration::from_millis(10));
    Chunk::from(b"tick\n".as_slice())
}

impl Iterator for Ticks {
    type Item = io::Result<Chunk>;

    fn next(&mut self) -> Option<io::Result<Chunk>> {
        Some(Ok(tick()))
    }
}

impl Body for Ticks {}

pub(crate) fn main() {
    let body: &mut dyn Body = &mut Ticks;
    assert_eq!(body.take(2).map_while(Result::ok).collect::<Vec<_>>().concat(), b"tick\ntick\n");
}
