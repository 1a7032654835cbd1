//! The application that every server on the ladder hosts.
//!
//! Nothing here waits, opens a socket or knows a framework. A server adds exactly two things: how a
//! request arrives, and how its views *wait*. Read `blocking-server/src/views.rs` beside
//! `async-server/src/views.rs` to see that second part; it is the lesson of the whole project.
//!
//! The parts, in the order in which a request meets them:
//!
//! 1. [`hooks`]: what runs before and after every request (Flask: `before_request`, `after_request`); one of them
//!    says where the time went ([`timing`]), and to whom asks when and on which thread ([`trace`]).
//! 2. [`Route`]: the request line, parsed and validated, once for all servers.
//! 3. [`services`]: what to ask the upstream, and how to read its answers.
//! 4. [`replies`]: the answer of each route.
//! 5. [`Problem`]: every way in which the application says no, as `application/problem+json`.

pub mod hooks;
mod problem;
pub mod replies;
mod reply;
mod route;
pub mod services;
pub mod timing;
pub mod trace;

pub use problem::Problem;
pub use reply::{Body, Header, Paced, Reply};
pub use route::{Place, Route};

/// What a view comes to: a reply, or a problem that becomes one.
pub type Answer = Result<Reply, Problem>;

/// The largest request body that `POST /echo` takes; one byte more is a 413.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;
