//! The slow services that both servers call: where a place is, when the sun rises there, what the
//! weather is like.
//!
//! They stand for the third parties of a real application, and are simulated so that a lesson works
//! offline and twice alike: the places, their coordinates and their sun are real, the slowness is a
//! setting, and trouble comes when it is ordered. One thread serves all calls, which is itself a
//! demonstration: thousands of them wait here at the same time, at about 15 KB each.
//!
//! | path | answer |
//! | --- | --- |
//! | `GET /location?q=zip,country` | where a place is, 404 for one that is not in the table |
//! | `GET /sun?lat=&lng=` | ten times of day, for [`Config::date`] |
//! | `GET /weather?zip=zip,country` | the weather, the same whenever place, seed and date are |
//! | `GET`, `POST`, `DELETE /control` | counters and settings; order trouble; call it off |
//!
//! The files, in the order in which a call meets them:
//!
//! 1. `config.rs`: the settings, which are the command line's flags.
//! 2. `server.rs`: the listener and its connections.
//! 3. `routes.rs`: method, path and query.
//! 4. `call.rs`: a call from arrival to answer. **Start reading here.**
//! 5. `delays.rs`, `queue.rs`, `faults.rs`: how long it takes, who waits for whom, what goes wrong.
//!    `order.rs` is how trouble is ordered: **the body of `POST /control`, field by field**.
//! 6. `places.rs`, `sun.rs`, `weather.rs`: what the services know.
//! 7. `reply.rs`: answers, and a body that trickles.
//!
//! Where a real service would differ: answers depend on more than one table, delays on the load, and
//! nobody would let a caller switch on faults.

mod call;
mod config;
mod delays;
mod faults;
mod order;
mod places;
mod queue;
mod reply;
mod routes;
mod server;
mod sun;
mod weather;

pub use call::Service;
pub use config::Config;
pub use delays::Profile;
pub use server::{Running, start};
