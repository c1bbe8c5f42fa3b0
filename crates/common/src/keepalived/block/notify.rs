//! What instances and groups share of the `notify…` keywords.

use super::Entry;
use crate::keepalived::model::Notify;

/// `notify_deleted [CMD [USER]]`: alone it only turns the message on.
pub(super) fn deleted(n: &mut Notify, e: &mut Entry<'_>) {
    n.tell_deleted = true;
    if e.word(0).is_some() {
        n.deleted = e.command(0);
    }
}
