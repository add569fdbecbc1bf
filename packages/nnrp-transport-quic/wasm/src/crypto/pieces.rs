//! How many pieces of streams and handshakes packets may bring. quinn-proto keeps what lies behind gaps in up to a thousand pieces, and
//! copies all of them whenever the packets that they came in are much larger than they are: a datagram of eight thousand pieces, which
//! any stranger can send, would make it do that for each.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};

/// Pieces of the first packet under a key, of any packet, and how many more each packet allows. An end of ours makes one of a packet, and of
/// what was lost one for each gap.
const FIRST: u32 = 128;
const MOST: u32 = 512;
const EACH: u32 = 32;
/// Bytes of the smallest piece: type, offset or stream, and length.
const LEAST_BYTES: usize = 3;

thread_local! {
    static TOO_MANY: Cell<bool> = const { Cell::new(false) };
}

/// Whether a packet has brought too many since it was asked before.
pub fn too_many() -> bool {
    TOO_MANY.take()
}

/// What packets under one key may still bring.
pub struct Pieces(AtomicU32);

impl Pieces {
    pub fn new() -> Self {
        Pieces(AtomicU32::new(FIRST))
    }

    /// @param payload - of a packet that is the peer's. @returns whether it may be looked at
    pub fn allow(&self, payload: &[u8]) -> bool {
        let left = self.0.load(Ordering::Relaxed);
        let count = if payload.len() < EACH as usize * LEAST_BYTES {
            0
        } else {
            count(payload)
        };
        let Some(rest) = left.checked_sub(count) else {
            TOO_MANY.set(true);
            return false;
        };
        self.0.store((rest + EACH).min(MOST), Ordering::Relaxed);
        true
    }
}

/// Pieces among the frames, up to one that cannot be read. @see RFC 9000 section 19
fn count(mut rest: &[u8]) -> u32 {
    let mut pieces = 0;
    while let Some(kind) = varint(&mut rest) {
        let is_piece = matches!(kind, 0x06 | 0x08..=0x0f);
        pieces += u32::from(is_piece);
        if skip(kind, &mut rest).is_none() {
            break;
        }
    }
    pieces
}

/// Goes behind what follows the type of a frame.
fn skip(kind: u64, rest: &mut &[u8]) -> Option<()> {
    match kind {
        0x00 | 0x01 | 0x1e | 0x1f => Some(()),
        0x02 | 0x03 => {
            varints(rest, 2)?;
            let ranges = varint(rest)?;
            varints(rest, ranges.saturating_mul(2).saturating_add(1))?;
            varints(rest, if kind == 0x03 { 3 } else { 0 })
        }
        0x04 => varints(rest, 3),
        0x05 | 0x11 | 0x15 => varints(rest, 2),
        0x06 => {
            varints(rest, 1)?;
            vector(rest)
        }
        0x07 | 0x31 => vector(rest),
        0x08..=0x0f => {
            varints(rest, if kind & 4 == 0 { 1 } else { 2 })?;
            // Without a length it is the last one.
            if kind & 2 == 0 {
                return None;
            }
            vector(rest)
        }
        0x10 | 0x12 | 0x13 | 0x14 | 0x16 | 0x17 | 0x19 => varints(rest, 1),
        0x18 => {
            varints(rest, 2)?;
            let id = usize::from(*rest.first()?);
            bytes(rest, 1 + id + 16)
        }
        0x1a | 0x1b => bytes(rest, 8),
        0x1c => {
            varints(rest, 2)?;
            vector(rest)
        }
        0x1d => {
            varints(rest, 1)?;
            vector(rest)
        }
        0xaf => varints(rest, 4),
        _ => None,
    }
}

fn bytes(rest: &mut &[u8], count: usize) -> Option<()> {
    *rest = rest.get(count..)?;
    Some(())
}

fn vector(rest: &mut &[u8]) -> Option<()> {
    let count = varint(rest)?;
    bytes(rest, usize::try_from(count).ok()?)
}

fn varints(rest: &mut &[u8], count: u64) -> Option<()> {
    for _ in 0..count {
        varint(rest)?;
    }
    Some(())
}

/// @see RFC 9000 section 16
pub fn varint(rest: &mut &[u8]) -> Option<u64> {
    let first = *rest.first()?;
    let (bytes, after) = rest.split_at_checked(1 << (first >> 6))?;
    *rest = after;
    Some(
        bytes[1..]
            .iter()
            .fold(u64::from(first & 0x3f), |sum, byte| sum << 8 | u64::from(*byte)),
    )
}

#[cfg(test)]
mod tests {
    use super::{count, varint, Pieces, EACH, FIRST, MOST};

    #[test]
    fn numbers_of_every_length_are_read() {
        let mut rest = &[
            0x25, 0x7b, 0xbd, 0x9d, 0x7f, 0x3e, 0x7d, 0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c,
        ][..];
        assert_eq!(varint(&mut rest), Some(37));
        assert_eq!(varint(&mut rest), Some(15_293));
        assert_eq!(varint(&mut rest), Some(494_878_333));
        assert_eq!(varint(&mut rest), Some(151_288_809_941_952_652));
        assert_eq!(varint(&mut rest), None);
        assert_eq!(varint(&mut &[0x40][..]), None);
    }

    /// So many pieces of a byte each, with gaps between them.
    fn gapped(pieces: u32) -> Vec<u8> {
        (0..pieces).flat_map(|_| [0x0e, 0, 2, 1, 7]).collect()
    }

    #[test]
    fn pieces_are_counted_among_frames_of_all_kinds() {
        let frames: [&[u8]; 24] = [
            &[0x00, 0x01, 0x1e, 0x1f],
            &[0x02, 9, 0, 2, 0, 0, 0, 0, 0],
            &[0x03, 9, 0, 0, 0, 1, 2, 3],
            &[0x04, 0, 1, 2],
            &[0x05, 0, 1],
            &[0x06, 0, 2, 0x08, 0x08],
            &[0x07, 2, 0x08, 0x08],
            &[0x0a, 0, 1, 0x08],
            &[0x0b, 0, 0],
            &[0x0e, 0, 0x40, 1, 1, 0x08],
            &[0x0f, 0, 0x80, 0, 0, 1, 0x40, 1, 0x08],
            &[0x10, 1],
            &[0x11, 0, 1],
            &[0x12, 1, 0x13, 1],
            &[0x14, 1],
            &[0x15, 0, 1],
            &[0x16, 1, 0x17, 1],
            &[
                0x18, 1, 0, 4, 1, 2, 3, 4, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
            ],
            &[0x19, 1],
            &[0x1a, 0, 1, 2, 3, 4, 5, 6, 7, 0x1b, 0, 1, 2, 3, 4, 5, 6, 7],
            &[0x1c, 1, 6, 1, 0x08, 0x1d, 1, 1, 0x08],
            &[0x31, 1, 0x08],
            &[0x40, 0xaf, 1, 2, 3, 4],
            &[0x08, 0, 0x08, 0x08, 0x08],
        ];
        assert_eq!(count(&frames.concat()), 6);
        for end in 0..frames.concat().len() {
            assert!(count(&frames.concat()[..end]) <= 6);
        }
        assert_eq!(
            count(&[0x02, 9, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0]),
            0
        );
    }

    #[test]
    fn a_packet_may_bring_some_and_later_ones_more() {
        let pieces = Pieces::new();
        assert!(!pieces.allow(&gapped(FIRST + 1)) && super::too_many() && !super::too_many());
        assert!(pieces.allow(&gapped(FIRST)));
        // What one packet does not use is there for another.
        assert!(!pieces.allow(&gapped(EACH + 1)) && pieces.allow(&gapped(EACH)));
        for _ in 0..100 {
            assert!(pieces.allow(&[0x01; 20]));
        }
        assert!(!pieces.allow(&gapped(MOST + 1)) && pieces.allow(&gapped(MOST)));
        assert!(super::too_many());
    }
}
