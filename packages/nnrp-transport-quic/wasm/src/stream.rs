//! The one stream of a connection: bytes in and out, and the windows of both directions.

use crate::promises::Promise;
use crate::transport::SEND_WINDOW;
use bytes::Bytes;
use quinn_proto::{Connection, FinishError, ReadError, StreamId, VarInt, WriteError};
use std::time::Instant;

/// Pieces that one read hands over at most.
pub const MAX_PIECES: usize = 96;
/// Bytes that may be sent ahead of acknowledgements at most.
const MAX_SEND_WINDOW: u64 = 32 << 20;
/// The same when all connections together have sent ahead as much as they may.
const LEAST_SEND_WINDOW: u64 = 16 << 10;

/// How a stream ends on the way in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    Not,
    Finished,
    Reset,
}

/// Why nothing was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// There is no room; it is told when there is some.
    Blocked,
    /// The peer takes no more.
    Stopped,
    Closed,
}

pub struct Stream {
    id: StreamId,
    send_window: u64,
    /// Bytes that the peer may send ahead, at present and at most.
    promise: Promise,
    max_window: u32,
    /// Bytes read since the window was looked at, and when that was.
    read: u64,
    since: Option<Instant>,
}

impl Stream {
    pub fn new(id: StreamId, promise: Promise, max_window: u32) -> Self {
        Stream {
            id,
            send_window: SEND_WINDOW,
            promise,
            max_window,
            read: 0,
            since: None,
        }
    }

    /// @param is_full - whether all connections together have sent ahead as much as they may. @returns bytes taken. Some taken is
    /// no promise: only a write that takes nothing is told when there is room
    pub fn write(&mut self, quic: &mut Connection, bytes: Bytes, is_full: bool) -> Result<usize, Refusal> {
        if is_full && self.send_window > LEAST_SEND_WINDOW {
            self.send_window = LEAST_SEND_WINDOW;
            quic.set_send_window(LEAST_SEND_WINDOW);
        }
        let mut chunks = [bytes];
        let written = quic.send_stream(self.id).write_chunks(&mut chunks);
        let written = match written {
            Err(WriteError::Blocked) if !is_full && self.widen(quic) => {
                quic.send_stream(self.id).write_chunks(&mut chunks)
            }
            written => written,
        };
        match written {
            Ok(written) => Ok(written.bytes),
            Err(WriteError::Blocked) => Err(Refusal::Blocked),
            Err(WriteError::Stopped(_)) => Err(Refusal::Stopped),
            Err(WriteError::ClosedStream) => Err(Refusal::Closed),
        }
    }

    /// Lets as much wait for acknowledgements as the path may carry. @returns whether that is more than before
    fn widen(&mut self, quic: &mut Connection) -> bool {
        let wanted = (2 * quic.congestion_state().window()).clamp(SEND_WINDOW, MAX_SEND_WINDOW);
        if wanted <= self.send_window {
            return false;
        }
        self.send_window = wanted;
        quic.set_send_window(wanted);
        true
    }

    pub fn finish(&mut self, quic: &mut Connection) -> Result<(), Refusal> {
        match quic.send_stream(self.id).finish() {
            Ok(()) => Ok(()),
            Err(FinishError::Stopped(_)) => Err(Refusal::Stopped),
            Err(FinishError::ClosedStream) => Err(Refusal::Closed),
        }
    }

    pub fn reset(&mut self, quic: &mut Connection, code: u32) {
        // It may be closed already.
        let _ = quic.send_stream(self.id).reset(VarInt::from_u32(code));
    }

    pub fn stop(&mut self, quic: &mut Connection, code: u32) {
        let _ = quic.recv_stream(self.id).stop(VarInt::from_u32(code));
    }

    /// @param pieces - gets what has come, `max` bytes at most. @returns whether there is an end behind it
    pub fn read(&mut self, quic: &mut Connection, now: Instant, max: usize, pieces: &mut Vec<Bytes>) -> End {
        let mut total = 0;
        let mut stream = quic.recv_stream(self.id);
        let Ok(mut chunks) = stream.read(true) else {
            return End::Finished;
        };
        let end = loop {
            if pieces.len() == MAX_PIECES || total == max {
                break End::Not;
            }
            match chunks.next(max - total) {
                Ok(Some(chunk)) => {
                    total += chunk.bytes.len();
                    pieces.push(chunk.bytes);
                }
                Ok(None) => break End::Finished,
                Err(ReadError::Blocked) => break End::Not,
                Err(ReadError::Reset(_)) => break End::Reset,
            }
        };
        // Whether it is worth sending at once shows in the next datagram.
        let _ = chunks.finalize();
        self.taken(quic, now, total as u64);
        end
    }

    /// A reader that empties the window faster than the peer can learn of it gets a larger one: it slows the peer down.
    fn taken(&mut self, quic: &mut Connection, now: Instant, bytes: u64) {
        let window = self.promise.window();
        if window >= self.max_window || bytes == 0 {
            return;
        }
        let since = *self.since.get_or_insert(now);
        self.read += bytes;
        if self.read < u64::from(window / 2) {
            return;
        }
        if now.saturating_duration_since(since) < 2 * quic.rtt() {
            let larger = window.saturating_mul(2).min(self.max_window);
            if self.promise.raise(larger) {
                quic.set_receive_window(VarInt::from_u32(larger));
            }
        }
        self.read = 0;
        self.since = Some(now);
    }
}
