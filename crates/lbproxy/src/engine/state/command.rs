//! What an administrator changes in a server: `set server`, `set weight`, `set maxconn server`, `enable`, `disable`.
//!
//! The words are those of HAProxy's management guide, 9.3; each refusal is a [`CommandError`], whose text is the one
//! that scripts know. Parsing of the command line itself is `admin`'s.

use std::{net::IpAddr, net::SocketAddr, sync::atomic::Ordering::Relaxed};

use super::{Change, OpState, ServerState, admin, change::Why, lock};
use crate::engine::queue;

/// `set server … state`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StateWord {
    Ready,
    Drain,
    Maint,
}

impl StateWord {
    pub fn parse(word: &str) -> Result<StateWord, CommandError> {
        match word {
            "ready" => Ok(StateWord::Ready),
            "drain" => Ok(StateWord::Drain),
            "maint" => Ok(StateWord::Maint),
            _ => Err(CommandError::BadState),
        }
    }
}

/// `set server … health`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HealthWord {
    Up,
    Stopping,
    Down,
}

impl HealthWord {
    pub fn parse(word: &str) -> Result<HealthWord, CommandError> {
        match word {
            "up" => Ok(HealthWord::Up),
            "stopping" => Ok(HealthWord::Stopping),
            "down" => Ok(HealthWord::Down),
            _ => Err(CommandError::BadHealth),
        }
    }
}

/// Why a command was refused, in the words that HAProxy answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CommandError {
    #[error("'set server <srv> state' expects 'ready', 'drain' and 'maint'.")]
    BadState,
    #[error("'set server <srv> health' expects 'up', 'stopping', or 'down'.")]
    BadHealth,
    #[error("cannot change health on a tracking server.")]
    Tracking,
    #[error("Require <weight> or <weight%>.")]
    WeightMissing,
    #[error("Empty weight string empty or preceded by garbage")]
    WeightGarbage,
    #[error("Trailing garbage in weight string")]
    WeightTrailing,
    #[error("Relative weight must be positive.")]
    WeightNegative,
    #[error("Absolute weight can only be between 0 and 256 inclusive.")]
    WeightRange,
    #[error("Backend is using a static LB algorithm and only accepts weights '0%' and '100%'.")]
    WeightStatic,
    #[error("Require <maxconn>.")]
    MaxconnMissing,
    #[error("maxconn string empty or preceded by garbage")]
    MaxconnGarbage,
    #[error("Trailing garbage in maxconn string")]
    MaxconnTrailing,
    #[error("Value out of range.")]
    MaxconnRange,
    #[error("health checks are not enabled on this server")]
    NoCheck,
}

/// What `set server … addr` did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AddrChange {
    Same,
    Changed { before: Option<SocketAddr>, after: SocketAddr },
}

impl ServerState {
    /// `set server b/s state ready|drain|maint`; `enable server` is `Ready` for maintenance only, `disable server`
    /// is `Maint`.
    pub fn set_state(&self, word: StateWord, now_ms: u64) -> Change {
        let mut out = Change::default();
        match word {
            StateWord::Ready => {
                self.leave_maint(admin::FMAINT, now_ms, &mut out);
                self.leave_drain(admin::FDRAIN, None, now_ms, &mut out);
            }
            StateWord::Drain => {
                self.enter_drain(admin::FDRAIN, None, now_ms, &mut out);
                self.leave_maint(admin::FMAINT, now_ms, &mut out);
            }
            StateWord::Maint => self.enter_maint(admin::FMAINT, None, now_ms, &mut out),
        }
        out
    }

    /// `enable server b/s`.
    pub fn enable(&self, now_ms: u64) -> Change {
        let mut out = Change::default();
        self.leave_maint(admin::FMAINT, now_ms, &mut out);
        out
    }

    /// `disable server b/s`.
    pub fn disable(&self, now_ms: u64) -> Change {
        self.set_state(StateWord::Maint, now_ms)
    }

    /// The name of the server does not resolve (`true`), or does again.
    pub fn set_unresolved(&self, unresolved: bool, now_ms: u64) -> Change {
        let mut out = Change::default();
        match unresolved {
            true => self.enter_maint(admin::RMAINT, None, now_ms, &mut out),
            false => self.leave_maint(admin::RMAINT, now_ms, &mut out),
        }
        out
    }

    /// `set server b/s health up|stopping|down`.
    pub fn set_health(&self, word: HealthWord, now_ms: u64) -> Result<Change, CommandError> {
        let mut out = Change::default();
        {
            let mut s = lock(&self.slow);
            if s.tracked().is_some() {
                return Err(CommandError::Tracking);
            }
            s.health = match word {
                HealthWord::Up | HealthWord::Stopping => s.full_health(),
                HealthWord::Down => 0,
            };
        }
        let to = match word {
            HealthWord::Up => OpState::Running,
            HealthWord::Stopping => OpState::Stopping,
            HealthWord::Down => OpState::Stopped,
        };
        self.move_to(to, &Why::Cli, now_ms, &mut out);
        Ok(out)
    }

    /// `set weight b/s W|P%`: a weight of 0 to 256, or a part of the configured one.
    pub fn set_weight(&self, word: &str, now_ms: u64) -> Result<(), CommandError> {
        if word.is_empty() {
            return Err(CommandError::WeightMissing);
        }
        let end = word.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(word.len());
        let (digits, tail) = word.split_at(end);
        let number: i64 = digits.parse().map_err(|_| CommandError::WeightGarbage)?;
        let mut s = lock(&self.slow);
        let dynamic = s.config.dynamic_weights;
        let weight = match tail {
            "%" if number < 0 => return Err(CommandError::WeightNegative),
            "%" if !dynamic && number != 0 && number != 100 => return Err(CommandError::WeightStatic),
            "%" => (i64::from(s.config.weight) * number / 100).min(256),
            "" if !dynamic => return Err(CommandError::WeightStatic),
            "" => number,
            _ => return Err(CommandError::WeightTrailing),
        };
        if !(0..=256).contains(&weight) {
            return Err(CommandError::WeightRange);
        }
        s.uweight = weight as u32;
        drop(s);
        self.republish(now_ms);
        Ok(())
    }

    /// `get weight b/s`: the weight now, and the configured one.
    pub fn weights(&self) -> (u32, u32) {
        let s = lock(&self.slow);
        (s.uweight, s.config.weight)
    }

    /// `set maxconn server b/s N`.
    pub fn set_maxconn(&self, word: &str) -> Result<(), CommandError> {
        if word.is_empty() {
            return Err(CommandError::MaxconnMissing);
        }
        let end = word.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(word.len());
        let (digits, tail) = word.split_at(end);
        if digits.is_empty() {
            return Err(CommandError::MaxconnGarbage);
        }
        if !tail.is_empty() {
            return Err(CommandError::MaxconnTrailing);
        }
        let n: i64 = digits.parse().map_err(|_| CommandError::MaxconnGarbage)?;
        let n = u32::try_from(n).map_err(|_| CommandError::MaxconnRange)?;
        self.hot.maxconn.store(n, Relaxed);
        queue::wake(self);
        Ok(())
    }

    /// `set server b/s addr A [port P]`: `configured` is what the plan says, in force until now if nothing was set.
    pub fn set_addr(
        &self,
        configured: Option<SocketAddr>,
        ip: Option<IpAddr>,
        port: Option<u16>,
    ) -> AddrChange {
        let before = self.addr().or(configured);
        let Some(ip) = ip.or(before.map(|a| a.ip())) else { return AddrChange::Same };
        let after = SocketAddr::new(ip, port.or(before.map(|a| a.port())).unwrap_or(0));
        if before == Some(after) {
            return AddrChange::Same;
        }
        self.store_addr(Some(after));
        AddrChange::Changed { before, after }
    }

    /// `enable health`, `disable health`.
    pub fn enable_checks(&self, on: bool) -> Result<(), CommandError> {
        let mut s = lock(&self.slow);
        if !s.has_check() {
            return Err(CommandError::NoCheck);
        }
        s.check_enabled = on;
        Ok(())
    }

    /// `set server b/s check-port P`.
    pub fn set_check_port(&self, port: u16) -> Result<(), CommandError> {
        let mut s = lock(&self.slow);
        if !s.has_check() {
            return Err(CommandError::NoCheck);
        }
        s.check_port = Some(port);
        Ok(())
    }

    /// The port set by [`Self::set_check_port`].
    pub fn check_port(&self) -> Option<u16> {
        lock(&self.slow).check_port
    }
}
