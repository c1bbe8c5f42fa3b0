//! Receive buffers that are also send buffers, and the pool they come from.
//!
//! Bytes are read into a buffer, a parsed head is taken off its front, the rewritten head is put back before what
//! followed it, and one send moves both. Invariants: a buffer leaves the pool only when bytes are there to be read
//! and returns when it is empty; the front keeps head room for what rewriting adds.

use std::cell::RefCell;

/// Bytes before the data of a fresh buffer: room for what rewriting adds to a head.
const HEADROOM: usize = 1_024;
/// Size of the buffers that long bodies are moved with.
pub const BIG_BYTES: usize = 131_072;
/// Buffers kept for reuse, per thread.
const POOLED_MAX: usize = 1_024;
/// Big buffers kept for reuse, per thread.
const POOLED_BIG_MAX: usize = 64;

/// A buffer with data in the middle.
#[derive(Debug)]
pub struct Buf {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Buf {
    /// `size` bytes of room behind the head room.
    pub fn new(size: usize) -> Buf {
        Buf { bytes: vec![0; HEADROOM + size].into_boxed_slice(), start: HEADROOM, end: HEADROOM }
    }

    /// Bytes of room that a fresh buffer of this kind has.
    pub fn size(&self) -> usize {
        self.bytes.len() - HEADROOM
    }

    pub fn data(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// The data behind the first `skip` bytes, to be edited in place.
    pub fn tail_mut(&mut self, skip: usize) -> &mut [u8] {
        &mut self.bytes[self.start + skip..self.end]
    }

    pub fn len(&self) -> usize {
        self.end - self.start
    }

    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Forgets all data.
    pub fn reset(&mut self) {
        (self.start, self.end) = (HEADROOM, HEADROOM);
    }

    /// Room behind the data.
    pub fn room(&mut self) -> &mut [u8] {
        &mut self.bytes[self.end..]
    }

    pub fn has_room(&self) -> bool {
        self.end < self.bytes.len()
    }

    /// `n` bytes have been written into the room.
    pub fn filled(&mut self, n: usize) {
        self.end += n;
        debug_assert!(self.end <= self.bytes.len());
    }

    /// Takes `n` bytes off the front.
    pub fn consume(&mut self, n: usize) {
        self.start += n;
        debug_assert!(self.start <= self.end);
    }

    /// A mark to go back to with [`Buf::rewind`], valid until bytes are moved, put before or read.
    pub fn mark(&self) -> usize {
        self.start
    }

    /// Brings back what was consumed since the mark.
    pub fn rewind(&mut self, mark: usize) {
        self.start = mark;
    }

    /// Removes `n` bytes that lie `at` bytes behind the front.
    pub fn cut(&mut self, at: usize, n: usize) {
        if n > 0 {
            let from = self.start + at;
            self.bytes.copy_within(from + n..self.end, from);
            self.end -= n;
        }
    }

    /// Puts bytes before the data, growing where the head room does not suffice.
    pub fn prepend(&mut self, front: &[u8]) {
        if front.len() > self.start {
            let mut bytes = vec![0; HEADROOM + front.len() + self.len() + self.size()];
            let start = HEADROOM + front.len();
            bytes[start..start + self.len()].copy_from_slice(self.data());
            (self.end, self.start) = (start + self.len(), start);
            self.bytes = bytes.into_boxed_slice();
        }
        self.start -= front.len();
        self.bytes[self.start..self.start + front.len()].copy_from_slice(front);
    }

    /// Moves the data to where a fresh buffer would have it, so that all room is behind it.
    pub fn compact(&mut self) {
        if self.start > HEADROOM {
            let n = self.len();
            self.bytes.copy_within(self.start..self.end, HEADROOM);
            (self.start, self.end) = (HEADROOM, HEADROOM + n);
        }
    }
}

/// The buffers of one thread.
#[derive(Debug)]
pub struct Pool {
    size: usize,
    free: RefCell<Vec<Buf>>,
    big: RefCell<Vec<Buf>>,
}

impl Pool {
    /// `size` is `tune.bufsize`.
    pub fn new(size: usize) -> Pool {
        Pool { size, free: RefCell::default(), big: RefCell::default() }
    }

    pub fn take(&self) -> Buf {
        self.free.borrow_mut().pop().unwrap_or_else(|| Buf::new(self.size))
    }

    pub fn take_big(&self) -> Buf {
        self.big.borrow_mut().pop().unwrap_or_else(|| Buf::new(BIG_BYTES.max(self.size)))
    }

    /// Takes a buffer back. One that grew, or more than are kept, is freed.
    pub fn put(&self, mut buf: Buf) {
        buf.reset();
        let (list, most) = match buf.size() {
            n if n == self.size => (&self.free, POOLED_MAX),
            n if n == BIG_BYTES => (&self.big, POOLED_BIG_MAX),
            _ => return,
        };
        let mut list = list.borrow_mut();
        if list.len() < most {
            list.push(buf);
        }
    }

    pub fn put_option(&self, buf: &mut Option<Buf>) {
        if let Some(b) = buf.take() {
            self.put(b);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_replaced_before_what_followed_it() {
        let mut b = Buf::new(64);
        b.room()[..9].copy_from_slice(b"headBODY+");
        b.filled(9);
        b.consume(4);
        b.prepend(b"longer head ");
        assert_eq!(b.data(), b"longer head BODY+");
        b.prepend(&[b'x'; 3000]);
        assert_eq!(b.len(), 3017);
        b.consume(3012);
        b.compact();
        assert_eq!(b.data(), b"BODY+");
        b.cut(1, 2);
        assert_eq!(b.data(), b"BY+");
    }

    #[test]
    fn sent_bytes_come_back_for_a_retry() {
        let mut b = Buf::new(64);
        b.room()[..4].copy_from_slice(b"abcd");
        b.filled(4);
        let mark = b.mark();
        b.consume(3);
        b.rewind(mark);
        assert_eq!(b.data(), b"abcd");
    }

    #[test]
    fn the_pool_keeps_whole_buffers_only() {
        let p = Pool::new(64);
        let mut b = p.take();
        b.prepend(&[0; 5000]);
        p.put(b);
        assert!(p.free.borrow().is_empty());
        p.put(p.take());
        assert_eq!(p.free.borrow().len(), 1);
    }
}
