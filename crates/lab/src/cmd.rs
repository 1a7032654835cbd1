//! One file per subcommand.

pub mod compare;
pub mod doctor;
pub mod list;
pub mod live;
pub mod load;
pub mod report;
pub mod serve;
pub mod verify;
