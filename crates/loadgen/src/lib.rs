//! Load generation: schedules, connections, samples, histograms.
//!
//! [`run`] makes one measurement that a [`Spec`](protocol::Spec) describes and comes back with an
//! [`Outcome`](protocol::Outcome). The program of the same name does so for whoever writes a line to its
//! standard input; the lab uses that, so that the generator never shares a process with anything.
//!
//! # Four kinds of load
//!
//! In a **closed loop** a fixed number of clients each wait for their answer before they send again. A
//! slow server is asked less: the load gives way, and what is found is *capacity*. In an **open loop**
//! requests are due on a schedule, as if sent by many independent users who know nothing of each other. A
//! slow server gets a queue, and what is found is *latency*. The two can differ by orders of magnitude on
//! one server, and an answer to the one question is no answer to the other (B. Schroeder, A. Wierman and
//! M. Harchol-Balter, "Open Versus Closed: A Cautionary Tale", NSDI 2006).
//!
//! **Subscribers** ask once and then listen, each to a stream of server-sent events. They load a server by
//! being there, and what is found is what a connection costs that does nothing, and whether ticks still come
//! when they should (below).
//!
//! **Slow clients** send their request a byte at a time. They too load a server by being there, and are counted in
//! connections: how many it holds, and what it says to the others.
//!
//! Beside any of them a **bystander** may go on: a cheap request in open loop, at a low rate, to something
//! that should not suffer from the load. It has a worker thread, connections and books of its own: what it
//! waits for is to be the server's doing, not the generator's.
//!
//! # Coordinated omission
//!
//! A generator that measures from the moment it *sent* a request forgets whoever wanted to send and could
//! not, because all connections were waiting for a stalled server. The stall then shows in a few samples
//! instead of in everyone's who came during it; server and generator have coordinated to omit the bad ones
//! (G. Tene, "How NOT to Measure Latency"; wrk2 and HDR histograms came of it). So an open loop has three
//! distributions here:
//!
//! | distribution | from | to | whose doing |
//! | --- | --- | --- | --- |
//! | response time | due | answered | all of it, as a user meets it |
//! | sent-to-answer time | taken up by a connection | answered | the server's, while it was asked |
//! | schedule lag | due | pacing thread awake | the generator's own |
//!
//! Waiting for a free connection lies between the first two. It is the server's doing as well: it has not
//! answered what the connections carry. In closed loop nobody waits for a connection, and a request is due
//! when its client turns to it, so that the first two are the same and there is no third.
//!
//! A test (`tests/precision.rs`) freezes a server for a second and holds both distributions against
//! what theory says.
//!
//! # When is a tick late?
//!
//! The server alone knows when it meant to send a tick, and it is the one to be judged. What a subscriber
//! knows is that ticks are to come at equal distances. So its schedule is laid through its quickest tick: the
//! nth is due at `origin + n * tick`, with the smallest `arrival - n * tick` of its whole life for the origin.
//! Then no tick is early, no clocks are compared, and lateness is measured against the best that this stream
//! has shown. A delay that all its ticks have in common is not seen; a server that stands still, or that
//! drifts, is.
//!
//! # Where the time went
//!
//! In open loop a [`Spec`](protocol::Spec) may ask for the [`Parts`](protocol::Parts) of the response time. Each
//! request then says when it was sent (`x-sent-at`, `CLOCK_MONOTONIC`, for servers on this machine) and the server
//! answers in `server-timing` how long it lay in queues, was in its view, and waited for others. What the
//! generator sees itself (waiting for a connection where all are busy, connecting) comes before, and what nobody told
//! is the rest, with all that the generator is late where connections are free. So
//! the parts of each answer add up to its response time, and their means to the mean. A server that does not say
//! such things is measured all the same, with the generator's own parts and a large rest.
//!
//! With [`record`](protocol::Spec::record) the outcome holds [each request](protocol::Recording), from the start of the
//! load on: when it came, how long it waited and how long it was served. That is all that a model of a queue needs.
//!
//! # Do the books balance?
//!
//! Three checks, apart from tests. Requests put in are counted by others than requests that came out, and a
//! difference is an error. The wake-ups of the pacing thread are timed. And the number of requests in flight is
//! found [in two ways](protocol::InFlight), from time stamps and by looking, which must agree; to judge that is left
//! to whoever asked.
//!
//! # What counts
//!
//! - First all connections are opened, for at most 5 s (streams one by one within a tick, at random, and then
//!   for 5 s); those missing are part of the outcome. Then the load begins, and after the warm-up the window
//!   opens **without a pause**. Closed-loop clients begin at random moments in the first half of the warm-up:
//!   where every answer takes the same time, clients that begin together stay together, and the server sees
//!   bursts.
//! - In closed loop a request counts if it *ended* in the window, in open loop if it was *due* in it. An open
//!   loop goes on at the same rate until the last of those is over, so that late answers are not late
//!   answers of a server that has been left alone. Of a stream those ticks count that were due in the window.
//! - Each request ends in one of four ways: completed (the expected answer), failed (by
//!   [kind](protocol::Failure); a server that sheds load fails, and is not wrong), timed out, unsent. How many were put in is counted apart from what came
//!   out, and the run is an error when the two differ.
//! - A stream that is lost stays lost, and the ticks that it would have brought have failed, each when it was
//!   due. It is lost as well when it is wrong: another status, a number skipped or repeated, ticks faster than
//!   the server is said to send them. A stream that never came up leaves its ticks unsent.
//! - A request may take until due + timeout, connecting included. It is then counted at the timeout, and
//!   its connection is closed, since the late answer could be taken for the next one's.
//! - Nothing is sent twice. A server may close a connection that has been idle; that is noticed before a
//!   request is wasted on it, unless both cross on the way. Then it is a reset and counted as one.
//! - In closed loop an attempt to connect that fails is a request that failed, and its client pauses before the
//!   next (10 ms, doubled each time up to a second): a dead server does not make a busy generator, and the
//!   number of failures says for how long nobody could be reached rather than how fast one can be refused. The
//!   same after a 503 with `retry-after`: who is asked to come back later does not come back at once.
//!   In open loop each request makes one attempt; the schedule bounds the rate.
//! - Every reply is judged: status, framing, and the body where one is given.
//!
//! # How it is made
//!
//! In the order in which a request meets them:
//!
//! - `plan`: the spec, checked; `run`: the phases of a measurement; `crew`: its threads.
//! - [`Schedule`]: when requests are due; `pacer`: the thread that keeps to it; `desk`: where it leaves
//!   them; `worker`: a thread per core with an event loop of its own, which fetches them.
//! - `mix`: what each of them asks for, where that is not always the same.
//! - `line`: a place for a connection, and the rules about time; `connection`: the socket; `http`: what goes
//!   over it; `sources`: ports and descriptors, of which there are only so many.
//! - `slow`: who sends a byte at a time instead.
//! - `subscriber`: who listens instead; `streams`: what was heard, judged at the end.
//! - `recorder`: what happened, filed by time stamp; `parts`: where the time went; `recording`: each request, to be
//!   played again; [`Histogram`]; `looks`: a second
//!   opinion; `outcome`: the sums, and the books.
//!
//! A bystander is a plan of its own within the plan, and has a crew of its own. [`live`] is a load that can be changed
//! while it runs, made of the same parts.
//!
//! The HTTP client is a small one of its own. A general client serves many purposes that a generator does
//! not have, and pays for them on every request: on the same event loop and with the same checks, hyper's
//! made about 0.6 as many requests per second of CPU time. What is left here is two system calls a request,
//! and four fifths of the time is the kernel's. `examples/per_cpu_second.rs` measures it.

pub mod clock;
mod connection;
mod crew;
mod desk;
mod error;
pub mod histogram;
mod http;
mod line;
pub mod live;
mod looks;
mod mix;
mod outcome;
mod pacer;
mod parts;
mod plan;
pub mod protocol;
mod recorder;
mod recording;
mod run;
mod schedule;
mod slow;
mod sockopt;
mod sources;
mod streams;
mod subscriber;
mod url;
mod worker;

pub use error::Error;
pub use histogram::Histogram;
pub use run::run;
pub use schedule::{Schedule, phases};
pub use sources::raise_file_limit;
