//! The same stream with `.await`: an iterator has no word for "not yet".

use std::io;

use blocking_server::wsgi::{Body, Chunk};

struct Ticks;

async fn tick() -> Chunk {
    Chunk::from(b"tick\n".as_slice())
}

impl Iterator for Ticks {
    type Item = io::Result<Chunk>;

    fn next(&mut self) -> Option<io::Result<Chunk>> {
        Some(Ok(tick().await))
    }
}

impl Body for Ticks {}

fn main() {}
