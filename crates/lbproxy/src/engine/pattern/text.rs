//! Text patterns: whole, prefix, suffix, part, directory, domain (manual 7.1.3).

use std::collections::HashMap;

use smallvec::SmallVec;

use super::Method;

/// Up to this many patterns are compared one by one: cheaper than hashing.
const FEW: usize = 6;

/// A value up to this long is folded on the stack.
type Folded = SmallVec<[u8; 256]>;

/// A set of texts of one method.
#[derive(Clone, Debug)]
pub struct Texts {
    method: Method,
    no_case: bool,
    /// Folded to lower case when compared without case.
    list: Vec<Vec<u8>>,
    /// Of many whole, prefix or suffix patterns: text to index, and the lengths that occur, longest first.
    index: Option<Index>,
}

/// Text to index, and the lengths that occur.
type Index = (HashMap<Vec<u8>, usize>, Vec<usize>);

impl Texts {
    pub(super) fn new(method: Method, no_case: bool, mut list: Vec<Vec<u8>>) -> Texts {
        if no_case {
            list.iter_mut().for_each(|t| t.make_ascii_lowercase());
        }
        if method == Method::Dir || method == Method::Dom {
            list.iter_mut().for_each(|t| trim(t, method));
        }
        let indexed = matches!(method, Method::Str | Method::Bin | Method::Beg | Method::End);
        let index = (indexed && list.len() > FEW).then(|| {
            let mut map = HashMap::with_capacity(list.len());
            for (i, t) in list.iter().enumerate() {
                map.entry(t.clone()).or_insert(i);
            }
            let mut lens: Vec<usize> = list.iter().map(Vec::len).collect();
            lens.sort_unstable_by(|a, b| b.cmp(a));
            lens.dedup();
            (map, lens)
        });
        Texts { method, no_case, list, index }
    }

    /// Index of the pattern that the text matches: the longest prefix, else the first in order.
    pub fn find(&self, text: &[u8]) -> Option<usize> {
        if !self.no_case {
            return self.find_folded(text);
        }
        let mut folded = Folded::from_slice(text);
        folded.make_ascii_lowercase();
        self.find_folded(&folded)
    }

    fn find_folded(&self, text: &[u8]) -> Option<usize> {
        if let Some((map, lens)) = &self.index {
            return match self.method {
                Method::Beg => lens.iter().find_map(|&n| map.get(text.get(..n)?).copied()),
                Method::End => lens
                    .iter()
                    .filter_map(|&n| map.get(text.get(text.len().checked_sub(n)?..)?).copied())
                    .min(),
                _ => map.get(text).copied(),
            };
        }
        if self.method == Method::Beg {
            let matching = self.list.iter().enumerate().filter(|(_, p)| text.starts_with(p));
            return matching.max_by_key(|(i, p)| (p.len(), usize::MAX - i)).map(|(i, _)| i);
        }
        self.list.iter().position(|p| one(self.method, text, p))
    }
}

fn one(method: Method, text: &[u8], pattern: &[u8]) -> bool {
    match method {
        Method::End => text.ends_with(pattern),
        Method::Sub => memchr::memmem::find(text, pattern).is_some(),
        Method::Dir | Method::Dom => word(text, pattern, method),
        _ => text == pattern,
    }
}

fn is_delimiter(b: u8, method: Method) -> bool {
    match method {
        Method::Dom => matches!(b, b'/' | b'?' | b'.' | b':'),
        _ => matches!(b, b'/' | b'?'),
    }
}

/// Delimiters around a pattern mean nothing.
fn trim(pattern: &mut Vec<u8>, method: Method) {
    while pattern.last().is_some_and(|&b| is_delimiter(b, method)) {
        pattern.pop();
    }
    let lead = pattern.iter().take_while(|&&b| is_delimiter(b, method)).count();
    pattern.drain(..lead);
}

/// Whether the pattern stands in the text between delimiters or ends.
fn word(text: &[u8], pattern: &[u8], method: Method) -> bool {
    if pattern.is_empty() {
        return false;
    }
    let mut from = 0;
    while let Some(i) = text.get(from..).and_then(|t| memchr::memmem::find(t, pattern)) {
        let (start, end) = (from + i, from + i + pattern.len());
        let before = start.checked_sub(1).and_then(|j| text.get(j)).is_none_or(|&b| is_delimiter(b, method));
        let after = text.get(end).is_none_or(|&b| is_delimiter(b, method));
        if before && after {
            return true;
        }
        from = start + 1;
    }
    false
}
