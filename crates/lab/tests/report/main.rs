//! The report on constructed results: what it says, what it writes, and that nothing breaks it.

mod beside;
mod blocked;
mod boxed;
mod crossover;
mod files;
mod findings;
mod fixture;
mod gate;
mod lanes;
mod latency;
mod lines;
mod markdown;
mod page;
mod parts;
mod reading;
mod recorded;
mod robust;
mod rules;
mod split;
mod sure;
mod timeline;
mod together;
mod verdict;
mod voids;
mod waits;
mod wide;
