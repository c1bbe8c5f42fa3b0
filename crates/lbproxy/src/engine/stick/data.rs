//! What a table stores with each key (manual 11.1, `store`): counters, rates, tags, the server.
//!
//! Values lie in words of 32 bits behind one another, as the table's [`Layout`] says: a counter takes one or two,
//! a rate three, so that an entry costs about what it costs in HAProxy. Arithmetic wraps as it does there.

use std::sync::Arc;

use super::{Entry, Table, lock};

/// A type of data. The order is the one in which `show table` prints them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum DataType {
    ServerId,
    Gpt0,
    Gpc0,
    Gpc0Rate,
    ConnCnt,
    ConnRate,
    ConnCur,
    SessCnt,
    SessRate,
    HttpReqCnt,
    HttpReqRate,
    HttpErrCnt,
    HttpErrRate,
    BytesInCnt,
    BytesInRate,
    BytesOutCnt,
    BytesOutRate,
    Gpc1,
    Gpc1Rate,
    ServerKey,
    HttpFailCnt,
    HttpFailRate,
    Gpt,
    Gpc,
    GpcRate,
    GlitchCnt,
    GlitchRate,
}

/// How a value is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    Word,
    Long,
    Rate,
    Text,
}

impl DataType {
    pub const ALL: &'static [(DataType, &'static str, Form)] = &[
        (DataType::ServerId, "server_id", Form::Word),
        (DataType::Gpt0, "gpt0", Form::Word),
        (DataType::Gpc0, "gpc0", Form::Word),
        (DataType::Gpc0Rate, "gpc0_rate", Form::Rate),
        (DataType::ConnCnt, "conn_cnt", Form::Word),
        (DataType::ConnRate, "conn_rate", Form::Rate),
        (DataType::ConnCur, "conn_cur", Form::Word),
        (DataType::SessCnt, "sess_cnt", Form::Word),
        (DataType::SessRate, "sess_rate", Form::Rate),
        (DataType::HttpReqCnt, "http_req_cnt", Form::Word),
        (DataType::HttpReqRate, "http_req_rate", Form::Rate),
        (DataType::HttpErrCnt, "http_err_cnt", Form::Word),
        (DataType::HttpErrRate, "http_err_rate", Form::Rate),
        (DataType::BytesInCnt, "bytes_in_cnt", Form::Long),
        (DataType::BytesInRate, "bytes_in_rate", Form::Rate),
        (DataType::BytesOutCnt, "bytes_out_cnt", Form::Long),
        (DataType::BytesOutRate, "bytes_out_rate", Form::Rate),
        (DataType::Gpc1, "gpc1", Form::Word),
        (DataType::Gpc1Rate, "gpc1_rate", Form::Rate),
        (DataType::ServerKey, "server_key", Form::Text),
        (DataType::HttpFailCnt, "http_fail_cnt", Form::Word),
        (DataType::HttpFailRate, "http_fail_rate", Form::Rate),
        (DataType::Gpt, "gpt", Form::Word),
        (DataType::Gpc, "gpc", Form::Word),
        (DataType::GpcRate, "gpc_rate", Form::Rate),
        (DataType::GlitchCnt, "glitch_cnt", Form::Word),
        (DataType::GlitchRate, "glitch_rate", Form::Rate),
    ];

    pub fn by_name(name: &str) -> Option<DataType> {
        DataType::ALL.iter().find(|r| r.1 == name).map(|r| r.0)
    }

    pub fn name(self) -> &'static str {
        DataType::ALL.iter().find(|r| r.0 == self).map_or("", |r| r.1)
    }

    pub fn form(self) -> Form {
        DataType::ALL.iter().find(|r| r.0 == self).map_or(Form::Word, |r| r.2)
    }

    /// The array whose elements stand for this one where the table has the array instead.
    const fn array(self) -> Option<(DataType, usize)> {
        match self {
            DataType::Gpt0 => Some((DataType::Gpt, 0)),
            DataType::Gpc0 => Some((DataType::Gpc, 0)),
            DataType::Gpc1 => Some((DataType::Gpc, 1)),
            DataType::Gpc0Rate => Some((DataType::GpcRate, 0)),
            DataType::Gpc1Rate => Some((DataType::GpcRate, 1)),
            _ => None,
        }
    }
}

/// One type of data of a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Column {
    pub what: DataType,
    /// 1, or the length of an array.
    pub elements: usize,
    /// Of a rate.
    pub period_ms: u32,
    offset: usize,
}

/// What a table stores, and where it lies in an entry.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Layout {
    columns: Vec<Column>,
    words: usize,
    /// Bytes of one step of the byte rates (`brates-factor`).
    factor: u32,
}

/// The values of one entry.
#[derive(Debug)]
pub struct Values {
    words: Box<[u32]>,
    server: Option<Arc<str>>,
}

impl Layout {
    /// `wanted` are types with elements and period; one that comes twice counts once.
    pub fn new(wanted: &[(DataType, usize, u32)], brates_factor: u32) -> Layout {
        let mut all = wanted.to_vec();
        all.sort_by_key(|c| c.0);
        all.dedup_by_key(|c| c.0);
        let mut layout = Layout { factor: brates_factor.max(1), ..Layout::default() };
        for (what, elements, period_ms) in all {
            let elements = elements.max(1);
            layout.columns.push(Column { what, elements, period_ms: period_ms.max(1), offset: layout.words });
            layout.words += elements * width(what.form());
        }
        layout
    }

    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    pub fn has(&self, what: DataType) -> bool {
        self.columns.iter().any(|c| c.what == what)
    }

    pub(super) fn blank(&self) -> Values {
        Values { words: vec![0; self.words].into(), server: None }
    }

    /// Column and first word of a value; the first elements of an array answer for the old single ones.
    fn place(&self, what: DataType, index: usize) -> Option<(Column, usize)> {
        let find = |w: DataType| self.columns.iter().find(|c| c.what == w).copied();
        let (column, index) = match (find(what), what.array()) {
            (Some(c), _) => (c, index),
            (None, Some((array, i))) => (find(array)?, i),
            (None, None) => return None,
        };
        (index < column.elements).then(|| (column, column.offset + index * width(column.what.form())))
    }
}

const fn width(form: Form) -> usize {
    match form {
        Form::Word => 1,
        Form::Long => 2,
        Form::Rate => 3,
        Form::Text => 0,
    }
}

impl Table {
    /// A value now; of a rate, the events in its last period. `None`: the table does not store it.
    pub fn read(&self, e: &Entry, what: DataType, index: usize, now_ms: u64) -> Option<u64> {
        let (c, at) = self.spec.layout.place(what, index)?;
        let values = lock(&e.data);
        Some(match c.what.form() {
            Form::Word => u64::from(*values.words.get(at)?),
            Form::Long => long(&values.words, at)?,
            Form::Rate => {
                let n = u64::from(rate(&values.words, at, c.period_ms, now_ms)?);
                match c.what {
                    DataType::BytesInRate | DataType::BytesOutRate => n * u64::from(self.spec.layout.factor),
                    _ => n,
                }
            }
            Form::Text => return None,
        })
    }

    /// Adds events, and puts the entry's expiry off. Gives the new value; `None`: the table does not store it.
    pub fn add(&self, e: &Entry, what: DataType, index: usize, n: u64, now_ms: u64) -> Option<u64> {
        let (c, at) = self.spec.layout.place(what, index)?;
        self.touch(e, now_ms);
        let mut values = lock(&e.data);
        let words = &mut values.words;
        Some(match c.what.form() {
            Form::Word => {
                let w = words.get_mut(at)?;
                *w = w.wrapping_add(n as u32);
                u64::from(*w)
            }
            Form::Long => {
                let sum = long(words, at)?.wrapping_add(n);
                set_long(words, at, sum);
                sum
            }
            Form::Rate => {
                let n = match c.what {
                    DataType::BytesInRate | DataType::BytesOutRate => n / u64::from(self.spec.layout.factor),
                    _ => n,
                };
                count(words, at, c.period_ms, n as u32, now_ms);
                u64::from(rate(words, at, c.period_ms, now_ms)?)
            }
            Form::Text => return None,
        })
    }

    /// Adds to a general counter and to its rate; gives the counter, or the rate where only that is stored.
    pub fn count_up(&self, e: &Entry, what: DataType, index: usize, n: u64, now_ms: u64) -> Option<u64> {
        let rate = match what {
            DataType::Gpc => Some(DataType::GpcRate),
            DataType::Gpc0 => Some(DataType::Gpc0Rate),
            DataType::Gpc1 => Some(DataType::Gpc1Rate),
            _ => None,
        };
        let rate = rate.and_then(|r| self.add(e, r, index, n, now_ms));
        self.add(e, what, index, n, now_ms).or(rate)
    }

    /// One connection less (`conn_cur`).
    pub fn take_one(&self, e: &Entry, what: DataType) {
        let Some((_, at)) = self.spec.layout.place(what, 0) else { return };
        if let Some(w) = lock(&e.data).words.get_mut(at) {
            *w = w.saturating_sub(1);
        }
    }

    /// Sets a value, and puts the entry's expiry off; a rate begins with that many events. Gives the one before.
    pub fn set(&self, e: &Entry, what: DataType, index: usize, n: u64, now_ms: u64) -> Option<u64> {
        let old = self.read(e, what, index, now_ms)?;
        let (c, at) = self.spec.layout.place(what, index)?;
        self.touch(e, now_ms);
        let words = &mut lock(&e.data).words;
        match c.what.form() {
            Form::Word => *words.get_mut(at)? = n as u32,
            Form::Long => set_long(words, at, n),
            Form::Rate => {
                words.get_mut(at..at + 3)?.copy_from_slice(&[now_ms as u32, n as u32, 0]);
            }
            Form::Text => {}
        }
        Some(old)
    }

    /// The server that was remembered: its number in its backend, and its name or address.
    pub fn server(&self, e: &Entry) -> (Option<u32>, Option<Arc<str>>) {
        let values = lock(&e.data);
        let id = self.spec.layout.place(DataType::ServerId, 0).and_then(|(_, at)| values.words.get(at));
        (id.copied().filter(|id| *id > 0), values.server.clone())
    }

    /// Remembers a server.
    pub fn set_server(&self, e: &Entry, id: u32, key: &str, now_ms: u64) {
        self.touch(e, now_ms);
        let mut values = lock(&e.data);
        if let Some((_, at)) = self.spec.layout.place(DataType::ServerId, 0)
            && let Some(w) = values.words.get_mut(at)
        {
            *w = id;
        }
        if values.server.as_deref() != Some(key) {
            values.server = Some(key.into());
        }
    }
}

fn long(words: &[u32], at: usize) -> Option<u64> {
    Some(u64::from(*words.get(at)?) | u64::from(*words.get(at + 1)?) << 32)
}

fn set_long(words: &mut [u32], at: usize, n: u64) {
    if let Some([low, high]) = words.get_mut(at..at + 2) {
        (*low, *high) = (n as u32, (n >> 32) as u32);
    }
}

/// Counts events in the current period; two periods are kept, the current one and the one before.
fn count(words: &mut [u32], at: usize, period_ms: u32, n: u32, now_ms: u64) {
    let now = now_ms as u32;
    let Some([begun, current, before]) = words.get_mut(at..at + 3) else { return };
    let age = now.wrapping_sub(*begun);
    if age >= period_ms.saturating_mul(2) {
        (*begun, *current, *before) = (now, 0, 0);
    } else if age >= period_ms {
        (*begun, *before, *current) = (begun.wrapping_add(period_ms), *current, 0);
    }
    *current = current.wrapping_add(n);
}

/// The events of the last period: those of the current one, and of the one before the part that still counts.
fn rate(words: &[u32], at: usize, period_ms: u32, now_ms: u64) -> Option<u32> {
    let [begun, current, before] = words.get(at..at + 3)? else { return None };
    let age = (now_ms as u32).wrapping_sub(*begun);
    let (current, before, age) = match age {
        a if a < period_ms => (*current, *before, a),
        a if a < period_ms.saturating_mul(2) => (0, *current, a - period_ms),
        _ => return Some(0),
    };
    // A single event would otherwise vanish as soon as its period is over, and a rate of one flap.
    if before <= 1 && current == 0 {
        return Some(before);
    }
    let remains = u64::from(before) * u64::from(period_ms - age) / u64::from(period_ms);
    Some(current.wrapping_add(remains as u32))
}
