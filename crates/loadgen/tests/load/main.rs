//! Black-box tests of load generation against a server of the test's own.

mod bystander;
mod closed_loop;
mod faults;
mod live;
mod mix;
mod open_loop;
mod program;
mod server;
mod slow;
mod subscribers;
mod support;
mod timing;
