//! How much the peers of one socket may make this end hold. The memory of an instance is bounded, and an instance that has used
//! it up ends the connections of all: so what peers may send ahead of readers is promised out of one budget, and so is what waits
//! for their acknowledgements.

use bytes::Bytes;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// Bytes that peers may send ahead of readers in all. Held in pieces of datagrams, they may take two and a half times as much.
const RECEIVE_BUDGET: u64 = 640 * MIB;
/// Windows of new connections: bytes of it, and up to how much may be promised when it is given.
const FIRST_WINDOWS: [(u32, u64); 3] = [
    (u32::MAX, 384 * MIB),
    (64 * KIB as u32, 512 * MIB),
    (16 * KIB as u32, u64::MAX),
];
/// How many kinds of first windows there are.
pub const SIZES: usize = FIRST_WINDOWS.len();

/// Bytes that may wait for acknowledgements in all.
const SEND_BUDGET: u64 = 256 * MIB;

/// @param size - one of `SIZES`. @param most - the first window as it was set. @returns bytes
pub fn first_window(size: usize, most: u32) -> u32 {
    FIRST_WINDOWS[size].0.min(most)
}

/// What all connections of a socket were promised, and hold.
#[derive(Clone, Default)]
pub struct Promises {
    receive: Rc<Cell<u64>>,
    unacknowledged: Arc<AtomicU64>,
}

impl Promises {
    /// @param most - the first window as it was set. @returns which of the first windows a new connection gets
    pub fn size(&self, most: u32) -> usize {
        let promised = self.receive.get();
        let fits = |&(bytes, up_to): &(u32, u64)| promised.saturating_add(u64::from(bytes.min(most))) <= up_to;
        FIRST_WINDOWS.iter().position(fits).unwrap_or(SIZES - 1)
    }

    pub fn promise(&self, window: u32) -> Promise {
        self.receive.set(self.receive.get() + u64::from(window));
        Promise {
            all: self.receive.clone(),
            window,
        }
    }

    /// Whether no more should wait for acknowledgements than has to.
    pub fn is_full(&self) -> bool {
        self.unacknowledged.load(Ordering::Relaxed) > SEND_BUDGET
    }

    /// Bytes that count until the last part of them is acknowledged or given up.
    pub fn counted(&self, bytes: Vec<u8>) -> Bytes {
        self.unacknowledged.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Bytes::from_owner(Counted {
            bytes,
            all: self.unacknowledged.clone(),
        })
    }
}

/// What the peer of one connection may send ahead of the reader.
pub struct Promise {
    all: Rc<Cell<u64>>,
    window: u32,
}

impl Promise {
    pub fn window(&self) -> u32 {
        self.window
    }

    /// @param window - larger than before. @returns whether there is as much left for all
    pub fn raise(&mut self, window: u32) -> bool {
        let promised = self.all.get() + u64::from(window - self.window);
        if promised > RECEIVE_BUDGET {
            return false;
        }
        self.all.set(promised);
        self.window = window;
        true
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        self.all.set(self.all.get() - u64::from(self.window));
    }
}

struct Counted {
    bytes: Vec<u8>,
    all: Arc<AtomicU64>,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes.len() as u64, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: u32 = MIB as u32;

    #[test]
    fn new_connections_get_less_the_more_there_are() {
        let promises = Promises::default();
        let mut all = vec![];
        let mut windows = vec![];
        for _ in 0..12_000 {
            let window = first_window(promises.size(MOST), MOST);
            all.push(promises.promise(window));
            windows.push(window);
        }
        assert_eq!(&windows[..384], [MOST; 384]);
        assert_eq!(windows[384], 64 * 1024);
        assert_eq!(windows[11_999], 16 * 1024);
        assert!(promises.receive.get() < RECEIVE_BUDGET + 32 * MIB);
        drop(all);
        assert_eq!((promises.receive.get(), promises.size(MOST)), (0, 0));
    }

    #[test]
    fn windows_grow_while_there_is_something_left() {
        let promises = Promises::default();
        let mut one = promises.promise(MOST);
        assert!(one.raise(512 * MOST));
        let mut other = promises.promise(MOST);
        assert!(!other.raise(512 * MOST));
        assert_eq!(other.window(), MOST);
        drop(one);
        assert!(other.raise(512 * MOST));
    }

    #[test]
    fn what_is_sent_counts_until_nothing_refers_to_it() {
        let promises = Promises::default();
        let mut bytes = promises.counted(vec![0; 256 * MIB as usize]);
        assert!(!promises.is_full());
        let _one = promises.counted(vec![0]);
        assert!(promises.is_full());
        let front = bytes.split_to(10);
        drop(bytes);
        assert!(promises.is_full());
        drop(front);
        assert!(!promises.is_full());
    }
}
