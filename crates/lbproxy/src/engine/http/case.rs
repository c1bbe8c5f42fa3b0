//! Header names in the case that an old application insists on (`h1-case-adjust`, manual 3.1).
//!
//! A name keeps its length, so that a written head is changed in place.

use std::collections::HashMap;

/// Names by their lower-case form.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CaseMap(HashMap<Box<[u8]>, Box<[u8]>>);

impl CaseMap {
    /// `to` is `from` in another case; pairs that are not are passed over.
    pub fn insert(&mut self, from: &str, to: &str) {
        if from.eq_ignore_ascii_case(to) {
            self.0.insert(from.to_ascii_lowercase().into_bytes().into(), to.as_bytes().into());
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Changes the names of a whole written head: start line, fields, empty line.
    pub fn apply(&self, head: &mut [u8]) {
        let mut key = Vec::new();
        let mut at = memchr::memchr(b'\n', head).map_or(head.len(), |i| i + 1);
        while let Some(rest) = head.get_mut(at..).filter(|r| !r.is_empty()) {
            let line = memchr::memchr(b'\n', rest).map_or(rest.len(), |i| i + 1);
            if let Some(name) =
                memchr::memchr(b':', rest).filter(|&n| n < line).and_then(|n| rest.get_mut(..n))
            {
                key.clear();
                key.extend(name.iter().map(u8::to_ascii_lowercase));
                if let Some(to) = self.0.get(key.as_slice()) {
                    name.copy_from_slice(to);
                }
            }
            at += line;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_changed_in_place_and_nothing_else_is() {
        let mut map = CaseMap::default();
        map.insert("content-length", "Content-Length");
        map.insert("x", "longer");
        let mut head =
            *b"HTTP/1.1 200 content-length: x\r\nCONTENT-length: 3\r\na: content-length: 1\r\n\r\n";
        map.apply(&mut head);
        let want = b"HTTP/1.1 200 content-length: x\r\nContent-Length: 3\r\na: content-length: 1\r\n\r\n";
        assert_eq!(&head[..], &want[..]);
    }
}
