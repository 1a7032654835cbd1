//! The report on constructed results: what it says, what it writes, and that nothing breaks it.

mod files;
mod findings;
mod fixture;
mod reading;
mod robust;
