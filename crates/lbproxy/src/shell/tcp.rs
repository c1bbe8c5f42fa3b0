//! TCP sessions: one client connection, one server connection, bytes both ways until both sides have closed.

use super::{http, stream::Io, worker::Session};

/// Serves a connection of a `mode tcp` frontend until it ends.
pub async fn serve(session: Box<Session>, mut client: Io) {
    http::relay(&session, &mut client).await;
    if session.frontend.tcp.nolinger {
        client.set_abort_on_close();
    }
}
