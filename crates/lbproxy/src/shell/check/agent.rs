//! Agents: asked on their own interval, beside the health checks (manual 5.2, `agent-check`).
//!
//! An agent that cannot be reached, or says nothing, changes nothing.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{Logger, Runtime, Shared, now_ms, perform, probe};
use crate::{
    compile::plan::Server,
    engine::check::{
        AgentSpec,
        agent::{self, ANSWER_MAX},
    },
};

/// The agent of one server.
pub(super) struct Asker {
    pub(super) shared: Arc<Shared>,
    pub(super) runtime: Arc<Runtime>,
    pub(super) server: Arc<Server>,
    pub(super) spec: Arc<AgentSpec>,
    pub(super) logger: std::rc::Rc<std::cell::RefCell<Logger>>,
}

impl Asker {
    pub(super) async fn run(self) {
        let interval = Duration::from_millis(u64::from(self.spec.inter_ms.max(1)));
        let mut due = tokio::time::Instant::now();
        loop {
            tokio::time::sleep_until(due).await;
            if let Ok(Ok(said)) = tokio::time::timeout(interval, self.ask()).await {
                self.heed(&said);
            }
            due = (due + interval).max(tokio::time::Instant::now());
        }
    }

    fn heed(&self, said: &[u8]) {
        let answer = agent::parse(said);
        if !answer.unknown.is_empty() {
            tracing::warn!(
                "the agent of server {}/{} says '{}', which means nothing",
                self.server.state.backend.name,
                self.server.name,
                answer.unknown.join(" ")
            );
        }
        let change = self.server.state.agent_said(&answer, now_ms(&self.shared));
        perform(&self.shared, &self.runtime, &mut self.logger.borrow_mut(), change);
    }

    async fn ask(&self) -> io::Result<Vec<u8>> {
        let own = probe::address(&self.server).map(|a| a.ip());
        let ip = self.spec.addr.or(own).ok_or(io::ErrorKind::AddrNotAvailable)?;
        let mut stream = TcpStream::connect(SocketAddr::new(ip, self.spec.port)).await?;
        if !self.spec.send.is_empty() {
            stream.write_all(&self.spec.send).await?;
        }
        let mut got = Vec::with_capacity(ANSWER_MAX);
        loop {
            let mut piece = [0; 256];
            let n = stream.read(&mut piece).await?;
            got.extend_from_slice(piece.get(..n).unwrap_or(&[]));
            if let Some(line) = agent::line(&got, n == 0) {
                return Ok(line.to_vec());
            }
        }
    }
}
