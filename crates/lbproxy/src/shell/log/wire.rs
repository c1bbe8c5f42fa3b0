//! How a log line is framed: syslog headers, dates, tags (manual 3.1, `log … format`).

use std::sync::Arc;

use crate::{
    compile::plan::{LogTarget, LogWire},
    engine::sample::time::{Civil, Zone},
};

/// Who we are in a line's header.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// `log-send-hostname`; RFC 3164 says `localhost` and RFC 5424 `-` without it.
    pub hostname: Option<String>,
    /// `log-tag` of the process.
    pub tag: String,
    pub pid: u32,
}

/// One line before framing.
#[derive(Debug)]
pub struct Line<'a> {
    pub target: &'a LogTarget,
    pub level: u8,
    /// `log-tag` of the proxy.
    pub tag: Option<&'a str>,
    pub sd: &'a [u8],
    pub message: &'a [u8],
}

/// The dates of headers, made once per second.
#[derive(Debug)]
pub struct Stamps {
    zone: Arc<Zone>,
    second: u64,
    micros: u32,
    /// `Nov 22 10:19:18`
    bsd: String,
    /// `2026-11-22T10:19:18`, and `+00:00`
    iso: String,
    offset: String,
}

impl Stamps {
    pub fn new(zone: Arc<Zone>) -> Stamps {
        Stamps {
            zone,
            second: u64::MAX,
            micros: 0,
            bsd: String::new(),
            iso: String::new(),
            offset: String::new(),
        }
    }

    /// Sets the moment (microseconds since the epoch) of the lines that follow.
    pub fn advance(&mut self, now_us: u64) {
        let second = now_us / 1_000_000;
        self.micros = (now_us % 1_000_000) as u32;
        if second == self.second {
            return;
        }
        self.second = second;
        let c = Civil::at(second as i64, self.zone.offset_at(second as i64));
        let time = format!("{:02}:{:02}:{:02}", c.hour, c.minute, c.second);
        self.bsd = format!("{} {:>2} {time}", c.month_name(), c.day);
        self.iso = format!("{:04}-{:02}-{:02}T{time}", c.year, c.month, c.day);
        let zone = c.zone();
        let (hours, minutes) = zone.split_at_checked(3).unwrap_or((&zone, ""));
        self.offset = format!("{hours}:{minutes}");
    }

    fn iso(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.iso.as_bytes());
        let _ = std::io::Write::write_fmt(out, format_args!(".{:06}{}", self.micros, self.offset));
    }
}

/// Appends the framed line with its line end, at most the target's `len` bytes.
pub fn write(line: &Line<'_>, frame: &Frame, stamps: &Stamps, out: &mut Vec<u8>) {
    use std::io::Write;
    let start = out.len();
    let level = line.level.max(line.target.level_min);
    let priority = u32::from(line.target.facility) * 8 + u32::from(level);
    let tag = line.tag.unwrap_or(&frame.tag);
    let pid = frame.pid;
    // Writing to memory does not fail.
    let _ = match line.target.format {
        LogWire::Rfc3164 => {
            let host = frame.hostname.as_deref().unwrap_or("localhost");
            write!(out, "<{priority}>{} {host} {tag}[{pid}]: ", stamps.bsd)
        }
        LogWire::Local => write!(out, "<{priority}>{} {tag}[{pid}]: ", stamps.bsd),
        LogWire::Rfc5424 => {
            let _ = write!(out, "<{priority}>1 ");
            stamps.iso(out);
            let host = frame.hostname.as_deref().unwrap_or("-");
            let _ = write!(out, " {host} {tag} {pid} - ");
            out.extend_from_slice(if line.sd.is_empty() { b"-" } else { line.sd });
            out.push(b' ');
            Ok(())
        }
        LogWire::Priority => write!(out, "<{priority}>"),
        LogWire::Short => write!(out, "<{level}>"),
        LogWire::Timed => {
            let _ = write!(out, "<{level}>");
            stamps.iso(out);
            out.push(b' ');
            Ok(())
        }
        LogWire::Iso => {
            stamps.iso(out);
            out.push(b' ');
            Ok(())
        }
        LogWire::Raw => Ok(()),
    };
    out.extend_from_slice(line.message);
    out.truncate((start + line.target.len.saturating_sub(1)).max(start).min(out.len()));
    out.push(b'\n');
}
