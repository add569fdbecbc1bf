//! A connection with its one stream.

use crate::crypto::varint;
use crate::promises::Promise;
use crate::stream::Stream;
use crate::transport::Counting;
use quinn_proto::crypto::rustls::HandshakeData;
use quinn_proto::{
    ConnectionError, ConnectionHandle, Dir, Event, StreamEvent, TransportError, TransportErrorCode, VarInt,
};
use rustls::pki_types::CertificateDer;
use std::time::Instant;

/// New connection ids that wait to be sent at most. Each that a peer gives back is replaced, whether it acknowledges anything or not.
const MAX_WAITING_IDS: u64 = 64;
/// NNRP's error code limit_exceeded.
const LIMIT_EXCEEDED: u64 = 7;

/// What `happened` reports, in bits.
pub struct Happened;

impl Happened {
    pub const CONNECTED: u32 = 1;
    pub const READABLE: u32 = 2;
    pub const WRITABLE: u32 = 4;
    /// The peer has everything, the end of the stream included.
    pub const FINISHED: u32 = 8;
    /// The peer takes no more.
    pub const STOPPED: u32 = 16;
    pub const LOST: u32 = 32;
    /// It is forgotten by the endpoint, and can be forgotten here.
    pub const DRAINED: u32 = 64;
    /// The peer has opened another stream.
    pub const EXTRA_STREAM: u32 = 128;
}

pub struct Connection {
    pub handle: ConnectionHandle,
    pub quic: quinn_proto::Connection,
    pub stream: Option<Stream>,
    pub drained: bool,
    pub lost: Option<ConnectionError>,
    /// Bits of `Happened` that the library does not know of.
    news: u32,
    /// Ids that it has got in place of those that the peer has given back.
    pub new_ids: u64,
    /// With which code the peer has stopped reading.
    pub stopped: u64,
    /// The kind of its packet keys, as `crypto` numbers them.
    pub aead: u32,
    max_window: u32,
    /// Until there is a stream.
    promise: Option<Promise>,
}

impl Connection {
    pub fn new(handle: ConnectionHandle, quic: quinn_proto::Connection, promise: Promise, max_window: u32) -> Self {
        Connection {
            handle,
            quic,
            stream: None,
            drained: false,
            lost: None,
            news: 0,
            new_ids: 0,
            stopped: 0,
            aead: 0,
            max_window,
            promise: Some(promise),
        }
    }

    /// @returns what has happened since it was asked before
    pub fn happened(&mut self) -> u32 {
        let mut bits = std::mem::take(&mut self.news);
        while let Some(event) = self.quic.poll() {
            bits |= match event {
                Event::Connected => Happened::CONNECTED,
                Event::ConnectionLost { reason } => {
                    self.lost = Some(reason);
                    Happened::LOST
                }
                Event::Stream(StreamEvent::Opened { dir: Dir::Bi }) => match self.quic.streams().accept(Dir::Bi) {
                    Some(id) => match self.promise.take() {
                        Some(promise) => {
                            self.stream = Some(Stream::new(id, promise, self.max_window));
                            Happened::READABLE
                        }
                        None => Happened::EXTRA_STREAM,
                    },
                    None => 0,
                },
                Event::Stream(StreamEvent::Readable { .. }) => Happened::READABLE,
                Event::Stream(StreamEvent::Writable { .. }) => Happened::WRITABLE,
                Event::Stream(StreamEvent::Finished { .. }) => Happened::FINISHED,
                Event::Stream(StreamEvent::Stopped { error_code, .. }) => {
                    self.stopped = error_code.into_inner();
                    Happened::STOPPED
                }
                _ => 0,
            };
        }
        if self.drained {
            bits |= Happened::DRAINED;
        }
        bits
    }

    /// A client opens the stream. @returns whether the peer allows one
    pub fn open_stream(&mut self) -> bool {
        let Some(id) = self.quic.streams().open(Dir::Bi) else {
            return false;
        };
        if let Some(promise) = self.promise.take() {
            self.stream = Some(Stream::new(id, promise, self.max_window));
        }
        true
    }

    pub fn close(&mut self, now: Instant, code: u64, reason: &[u8]) {
        let code = VarInt::from_u64(code).unwrap_or(VarInt::MAX);
        self.quic.close(now, code, bytes::Bytes::copy_from_slice(reason));
    }

    /// Ends the connection of a peer that asks too much.
    pub fn refuse(&mut self, now: Instant, why: &'static str) {
        if self.lost.is_some() {
            return;
        }
        self.close(now, LIMIT_EXCEEDED, why.as_bytes());
        self.lost = Some(ConnectionError::TransportError(TransportError {
            code: TransportErrorCode::PROTOCOL_VIOLATION,
            frame: None,
            reason: why.into(),
        }));
        self.news |= Happened::LOST;
    }

    /// The peer has given back ids, and new ones wait to be sent.
    pub fn count_waiting_ids(&mut self, now: Instant) {
        if self.new_ids > self.quic.stats().frame_tx.new_connection_id + MAX_WAITING_IDS {
            self.refuse(now, "connection ids given back faster than new ones can be sent");
        }
    }

    /// Milliseconds after which the peer gives up a silent connection; 0 = never, or not known yet.
    pub fn peer_idle_timeout(&self) -> f64 {
        const MAX_IDLE_TIMEOUT: u64 = 1;
        let Ok(Some(parameters)) = self.quic.crypto_session().transport_parameters() else {
            return 0.0;
        };
        // The field is private, so it is read as the peer has written it.
        let mut bytes = vec![];
        parameters.write(&mut bytes);
        let mut rest = &bytes[..];
        while let (Some(id), Some(len)) = (varint(&mut rest), varint(&mut rest)) {
            let Some((mut value, after)) = rest.split_at_checked(len as usize) else {
                return 0.0;
            };
            if id == MAX_IDLE_TIMEOUT {
                return varint(&mut value).unwrap_or(0) as f64;
            }
            rest = after;
        }
        0.0
    }

    /// Bytes of packets that the peer has acknowledged.
    pub fn acknowledged(&self) -> u64 {
        let controller = self.quic.congestion_state().clone_box().into_any();
        controller
            .downcast::<Counting>()
            .map_or(0, |counting| counting.acknowledged)
    }

    /// The peer's certificate in DER.
    pub fn peer_certificate(&self) -> Option<Vec<u8>> {
        let identity = self.quic.crypto_session().peer_identity()?;
        let chain = identity.downcast::<Vec<CertificateDer<'static>>>().ok()?;
        chain.first().map(|first| first.to_vec())
    }

    /// The protocol that both ends have agreed on; empty without one.
    pub fn alpn(&self) -> Vec<u8> {
        let data = self.quic.crypto_session().handshake_data();
        let data = data.and_then(|data| data.downcast::<HandshakeData>().ok());
        data.and_then(|data| data.protocol).unwrap_or_default()
    }
}
