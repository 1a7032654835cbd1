//! The live page without a browser: who may ask, for what, and what comes of it.

mod page;
mod refusals;
mod running;
mod support;
