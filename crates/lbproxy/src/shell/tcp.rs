//! TCP sessions: one client connection, one server connection, bytes both ways until both sides have closed.

use super::{http, worker::Client};

/// Serves a connection of a `mode tcp` frontend until it ends.
pub async fn serve(mut client: Box<Client>) {
    let Client { session, io } = &mut *client;
    http::relay(session, io).await;
    if session.frontend.tcp.nolinger {
        io.set_abort_on_close();
    }
}
