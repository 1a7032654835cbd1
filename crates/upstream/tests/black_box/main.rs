//! The upstream from outside, over TCP: one program, so that it is linked once.

mod client;
mod control;
mod program;
mod services;
