//! `track_interface`: an interface that must be up for the instance to be worth its priority.

use super::Status;

/// The word in keepalived.conf.
pub const NAME: &str = "track_interface";

/// What counts as up: administratively up and with carrier (IFF_UP and IFF_LOWER_UP or IFF_RUNNING). An
/// interface that does not exist is down.
pub fn status(exists_and_running: bool) -> Status {
    if exists_and_running { Status::Up } else { Status::Down }
}
