//! Server state files: what an earlier process wrote down of its servers (manual 4.2, `load-server-state-from-file`;
//! management guide 9.3, `show servers state`, version 1 of the format).
//!
//! A file that is missing, or a line that is none, is no error: the servers begin as configured.

use std::{collections::HashMap, path::PathBuf};

use common::{
    diag::{Diagnostic, codes},
    haproxy::model,
};

use super::Compiler;
use crate::engine::state::Saved;

/// The version of the format.
const VERSION: &str = "1";
/// Fields of a line.
const FIELDS_MIN: usize = 19;

impl Compiler<'_> {
    /// What the state file of this backend says of a server.
    pub(super) fn saved_state(&mut self, p: &model::Proxy, server: &str) -> Option<Saved> {
        let path = self.state_file(p)?;
        if !self.state_files.contains_key(&path) {
            let read = self.world.read(&path);
            if let Err(e) = &read {
                let text = format!("server states cannot be read from {}: {e}", path.display());
                self.say(Diagnostic::notice(codes::FILE_UNREADABLE, text));
            }
            let text = read.map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default();
            self.state_files.insert(path.clone(), parse(&text));
        }
        self.state_files.get(&path)?.get(&format!("{}/{server}", p.name.value)).cloned()
    }

    fn state_file(&self, p: &model::Proxy) -> Option<PathBuf> {
        let g = &self.config.global;
        let name = match p.back.load_server_state_from_file? {
            model::ServerStateFile::None => return None,
            model::ServerStateFile::Global => g.server_state_file.as_ref()?.value.clone(),
            model::ServerStateFile::Local => match &p.back.server_state_file_name {
                Some(n) if !n.is_empty() => n.clone(),
                _ => p.name.value.clone(),
            },
        };
        let base = g.server_state_base.as_ref().map(|b| PathBuf::from(&b.value)).unwrap_or_default();
        Some(base.join(name))
    }
}

/// Every line of a file, by `backend/server`.
fn parse(text: &str) -> HashMap<String, Saved> {
    let mut lines = text.lines();
    if lines.next().map(str::trim) != Some(VERSION) {
        return HashMap::new();
    }
    lines.filter(|l| !l.starts_with('#')).filter_map(line).collect()
}

fn line(text: &str) -> Option<(String, Saved)> {
    let f: Vec<&str> = text.split_whitespace().collect();
    if f.len() < FIELDS_MIN {
        return None;
    }
    let number = |at: usize| -> Option<u32> { f.get(at)?.parse().ok() };
    let saved = Saved {
        ip: f.get(4)?.parse().ok(),
        op: u8::try_from(number(5)?).ok()?,
        admin: number(6)?,
        uweight: number(7)?,
        iweight: number(8)?,
        since_ms: u64::from(number(9)?) * 1_000,
        health: number(12)?,
        port: u16::try_from(number(18)?).ok()?,
    };
    Some((format!("{}/{}", f.get(1)?, f.get(3)?), saved))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_show_servers_state_are_read_and_others_passed_over() {
        let text = "1\n# be_id be_name srv_id\n3 app 1 s1 10.0.0.1 2 8 50 100 7 6 3 4 6 0 0 0 - 8080 - 0 0 - - 0\nx\n";
        let all = parse(text);
        let s = &all["app/s1"];
        assert_eq!((s.op, s.admin, s.uweight, s.iweight, s.health, s.port), (2, 8, 50, 100, 4, 8080));
        assert_eq!((s.since_ms, s.ip), (7_000, "10.0.0.1".parse().ok()));
        assert_eq!(all.len(), 1);
        assert!(parse(&text.replacen('1', "2", 1)).is_empty());
    }
}
