//! The report on constructed results: what it says, what it writes, and that nothing breaks it.

mod beside;
mod boxed;
mod files;
mod findings;
mod fixture;
mod gate;
mod latency;
mod parts;
mod reading;
mod robust;
mod rules;
mod split;
mod sure;
mod wide;
