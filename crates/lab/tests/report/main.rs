//! The report on constructed results: what it says, what it writes, and that nothing breaks it.

mod beside;
mod files;
mod findings;
mod fixture;
mod latency;
mod reading;
mod robust;
mod rules;
mod split;
mod wide;
