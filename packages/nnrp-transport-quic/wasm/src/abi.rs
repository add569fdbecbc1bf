//! What the host calls. Numbers that do not fit a result, and addresses, go by `out`; texts by `io`; datagrams to the
//! module by `rx`, and from it by the place that `out` says.
//!
//! A call out of a call would find the engine borrowed, and trap.

use crate::connection::Happened;
use crate::crypto::Root;
use crate::engine::{Engine, Received};
use crate::explain::Loss;
use crate::panics;
use crate::stream::{End, Refusal, MAX_PIECES};
use bytes::Bytes;
use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

const RX_BYTES: usize = 65_536;
const IO_BYTES: usize = 65_536;
const TX_BYTES: usize = 256 * 1024;
const OUT_WORDS: usize = 256;
/// Where the host writes an address: four words, and the scope.
const ADDRESS_AT: usize = OUT_WORDS - 8;

struct Module {
    engine: Engine,
    rx: Vec<u8>,
    io: Vec<u8>,
    out: Vec<u32>,
    /// Bytes that the host reads or writes until its next call.
    held: Vec<Bytes>,
}

thread_local! {
    static MODULE: RefCell<Option<Module>> = const { RefCell::new(None) };
}

fn with<T>(work: impl FnOnce(&mut Module) -> T) -> T {
    MODULE.with(|module| work(module.borrow_mut().as_mut().expect("init")))
}

impl Module {
    fn say(&mut self, text: &[u8]) -> usize {
        let count = text.len().min(IO_BYTES);
        self.io[..count].copy_from_slice(&text[..count]);
        count
    }

    fn result(&mut self, outcome: Result<(), String>) -> i32 {
        match outcome {
            Ok(()) => 0,
            Err(text) => {
                self.out[0] = self.say(text.as_bytes()) as u32;
                -1
            }
        }
    }

    fn peer(&self, family: u32, port: u32) -> SocketAddr {
        let words = &self.out[ADDRESS_AT..];
        if family == 4 {
            return SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::from(words[0].to_le_bytes()), port as u16));
        }
        let mut bytes = [0; 16];
        for (word, chunk) in words.iter().zip(bytes.chunks_mut(4)) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        SocketAddr::V6(SocketAddrV6::new(Ipv6Addr::from(bytes), port as u16, 0, words[4]))
    }

    /// Family, port, four words, scope.
    fn tell(&mut self, at: usize, peer: SocketAddr) {
        self.out[at + 1] = u32::from(peer.port());
        match peer.ip() {
            IpAddr::V4(ip) => {
                self.out[at] = 4;
                self.out[at + 2] = u32::from_le_bytes(ip.octets());
            }
            IpAddr::V6(ip) => {
                self.out[at] = 6;
                for (place, chunk) in ip.octets().chunks(4).enumerate() {
                    self.out[at + 2 + place] = u32::from_le_bytes(chunk.try_into().expect("four"));
                }
            }
        }
        self.out[at + 6] = if let SocketAddr::V6(peer) = peer {
            peer.scope_id()
        } else {
            0
        };
    }

    /// `out[0]` kind, `out[1]` and `out[2]` the code, `out[3]` bytes of text in `io`.
    fn explain(&mut self, loss: &Loss) {
        self.out[0] = loss.kind;
        self.out[1] = loss.code as u32;
        self.out[2] = (loss.code >> 32) as u32;
        self.out[3] = self.say(loss.text.as_bytes()) as u32;
    }

    /// `out[8]` where the answer is. @returns its bytes
    fn answer(&mut self) -> u32 {
        self.out[8] = self.engine.answer.as_ptr() as u32;
        self.engine.answer.len() as u32
    }
}

/// Comes first. `use_secret` and the settings come before `listen` and `dial`.
#[no_mangle]
pub extern "C" fn init() {
    panics::listen();
    let module = Module {
        engine: Engine::new([0; 64], TX_BYTES),
        rx: vec![0; RX_BYTES],
        io: vec![0; IO_BYTES],
        out: vec![0; OUT_WORDS],
        held: Vec::with_capacity(MAX_PIECES),
    };
    MODULE.with(|cell| *cell.borrow_mut() = Some(module));
}

/// 64 bytes for stateless resets and Retry tokens are in `io`. Before `listen` and `dial`.
#[no_mangle]
pub extern "C" fn use_secret() {
    with(|module| {
        let mut secret = [0; 64];
        secret.copy_from_slice(&module.io[..64]);
        module.io[..64].fill(0);
        module.engine = Engine::new(secret, TX_BYTES);
    });
}

#[no_mangle]
pub extern "C" fn rx() -> *mut u8 {
    with(|module| module.rx.as_mut_ptr())
}

#[no_mangle]
pub extern "C" fn io() -> *mut u8 {
    with(|module| module.io.as_mut_ptr())
}

#[no_mangle]
pub extern "C" fn out() -> *mut u32 {
    with(|module| module.out.as_mut_ptr())
}

/// Where a panic leaves its words: their length in four bytes, then they.
#[no_mangle]
pub extern "C" fn panic_words() -> *const u8 {
    panics::words_at()
}

#[no_mangle]
pub extern "C" fn set(key: u32, value: f64) {
    with(|module| module.engine.settings.set(key as usize, value));
}

/// For the next `listen` or `dial`. @param what - 0 a certificate of the chain, in DER; 1 the name of a protocol; in `io`
#[no_mangle]
pub extern "C" fn credential(what: u32, len: u32) {
    with(|module| {
        let bytes = module.io[..len as usize].to_vec();
        let credentials = &mut module.engine.credentials;
        if what == 0 {
            credentials.chain.push(bytes.into());
        } else {
            credentials.protocols.push(bytes);
        }
    });
}

/// For the next `listen` or `dial`. A root is in `io`, in DER. @param from - and `to`: its time, in seconds since 1970
#[no_mangle]
pub extern "C" fn root(len: u32, from: f64, to: f64) {
    with(|module| {
        let der = module.io[..len as usize].to_vec().into();
        module.engine.credentials.roots.push(Root {
            der,
            from: from as u64,
            to: to as u64,
        });
    });
}

/// @returns 0, or -1 with `out[0]` bytes of text in `io`
#[no_mangle]
pub extern "C" fn listen() -> i32 {
    with(|module| {
        let outcome = module.engine.listen();
        module.result(outcome)
    })
}

/// @returns 0, or -1 with `out[0]` bytes of text in `io`
#[no_mangle]
pub extern "C" fn dial() -> i32 {
    with(|module| {
        let outcome = module.engine.dial();
        module.result(outcome)
    })
}

/// Name of the server in `io`, its address in `out`. @returns the connection, or -1 with `out[0]` bytes of text in `io`
#[no_mangle]
pub extern "C" fn connect(name_len: u32, family: u32, port: u32, now: f64) -> i32 {
    with(|module| {
        let peer = module.peer(family, port);
        let name = String::from_utf8_lossy(&module.io[..name_len as usize]).into_owned();
        let now = module.engine.time(now);
        match module.engine.connect(now, peer, &name) {
            Ok(index) => index as i32,
            Err(text) => module.result(Err(text)),
        }
    })
}

/// A datagram is in `rx`, its sender's address in `out`.
///
/// @returns the connection it was for; -1 when it is dealt with, and -2 for a newcomer, about whom the host decides by
/// `accept` or `retry`, or not at all. `out[0]` bytes of an answer, `out[8]` where it is, `out[1]` 1 when a newcomer has
/// proved its address, `out[2]` 1 when it can be asked to
#[no_mangle]
pub extern "C" fn receive(len: u32, family: u32, port: u32, now: f64) -> i32 {
    with(|module| {
        let peer = module.peer(family, port);
        let now = module.engine.time(now);
        let received = module.engine.receive(now, peer, &module.rx[..len as usize]);
        module.out[0] = module.answer();
        match received {
            Received::Connection(index) => index as i32,
            Received::Nothing => -1,
            Received::Newcomer => {
                let (proved, may_retry) = module.engine.newcomer();
                module.out[1] = u32::from(proved);
                module.out[2] = u32::from(may_retry);
                -2
            }
        }
    })
}

/// @returns bytes of the Retry packet, `out[8]` where it is
#[no_mangle]
pub extern "C" fn retry() -> u32 {
    with(|module| {
        module.engine.retry();
        module.answer()
    })
}

/// @returns the connection; -1 when its handshake has failed at once: `out[4]` bytes of an answer, `out[8]` where it is, and
/// the reason as `lost` has it
#[no_mangle]
pub extern "C" fn accept(now: f64) -> i32 {
    with(|module| {
        let now = module.engine.time(now);
        match module.engine.accept(now) {
            Ok(index) => index as i32,
            Err(loss) => {
                module.explain(&loss);
                module.out[4] = module.answer();
                -1
            }
        }
    })
}

/// @param max - datagrams at most. @returns bytes in all, 0 when there is nothing to send; `out[8]` where they are, `out[9]`
/// bytes of each datagram but the last, `out[0..7]` where to: family, port, words, scope
#[no_mangle]
pub extern "C" fn transmit(index: u32, now: f64, max: u32) -> u32 {
    with(|module| {
        let now = module.engine.time(now);
        let Some(sent) = module.engine.transmit(index as usize, now, max as usize) else {
            return 0;
        };
        module.tell(0, sent.to);
        module.answer();
        module.out[9] = sent.segment as u32;
        sent.bytes as u32
    })
}

/// @returns milliseconds on the clock of `now`; infinite when nothing is due
#[no_mangle]
pub extern "C" fn timeout(index: u32) -> f64 {
    with(|module| {
        let at = module
            .engine
            .connection(index as usize)
            .and_then(|connection| connection.quic.poll_timeout());
        at.map_or(f64::INFINITY, |at| module.engine.ms(at))
    })
}

#[no_mangle]
pub extern "C" fn handle_timeout(index: u32, now: f64) {
    with(|module| {
        let now = module.engine.time(now);
        module.engine.handle_timeout(index as usize, now);
    });
}

/// @returns bits of `Happened`
#[no_mangle]
pub extern "C" fn happened(index: u32) -> u32 {
    with(|module| {
        module
            .engine
            .connection(index as usize)
            .map_or(Happened::DRAINED, |connection| connection.happened())
    })
}

/// Why it was lost: `out[0]` the kind of `Loss`, `out[1]` and `out[2]` the code, `out[3]` bytes of text in `io`.
#[no_mangle]
pub extern "C" fn lost(index: u32) -> i32 {
    with(|module| {
        let lost = module
            .engine
            .connection(index as usize)
            .and_then(|connection| connection.lost.as_ref().map(Loss::from));
        match lost {
            Some(loss) => {
                module.explain(&loss);
                0
            }
            None => -1,
        }
    })
}

/// The last certificate that was refused because of its name, once. @returns its bytes, in `io`; 0 = none
#[no_mangle]
pub extern "C" fn refused_certificate() -> u32 {
    with(|module| {
        let refused = module.engine.refused.lock().ok().and_then(|mut refused| refused.take());
        refused.map_or(0, |der| module.say(&der) as u32)
    })
}

/// A client opens the stream. @returns 1, or 0 when the peer allows none
#[no_mangle]
pub extern "C" fn open_stream(index: u32) -> u32 {
    with(|module| {
        module
            .engine
            .connection(index as usize)
            .map_or(0, |connection| u32::from(connection.open_stream()))
    })
}

/// Memory for bytes to be written, so that they are copied once. The host fills all of it before `write`.
#[no_mangle]
pub extern "C" fn stage(len: u32) -> *mut u8 {
    with(|module| {
        let mut bytes = vec![0; len as usize];
        let at = bytes.as_mut_ptr();
        module.held.clear();
        module.held.push(module.engine.promises.counted(bytes));
        at
    })
}

/// Writes what was staged. @returns bytes taken; -1 no room, -2 the peer takes no more, -3 the stream is over
#[no_mangle]
pub extern "C" fn write(index: u32) -> i32 {
    with(|module| {
        let Some(bytes) = module.held.pop() else { return 0 };
        let is_full = module.engine.promises.is_full();
        let Some(connection) = module.engine.connection(index as usize) else {
            return -3;
        };
        let Some(stream) = connection.stream.as_mut() else {
            return -3;
        };
        match stream.write(&mut connection.quic, bytes, is_full) {
            Ok(taken) => taken as i32,
            Err(refusal) => refusal_code(refusal),
        }
    })
}

/// @returns 0, or as `write`
#[no_mangle]
pub extern "C" fn finish(index: u32) -> i32 {
    with(|module| {
        let Some(connection) = module.engine.connection(index as usize) else {
            return -3;
        };
        let Some(stream) = connection.stream.as_mut() else {
            return -3;
        };
        stream.finish(&mut connection.quic).map_or_else(refusal_code, |()| 0)
    })
}

/// Gives up sending. For tests of peers that do so.
#[no_mangle]
pub extern "C" fn reset(index: u32, code: u32) {
    with(|module| {
        let Some(connection) = module.engine.connection(index as usize) else {
            return;
        };
        let Some(stream) = connection.stream.as_mut() else {
            return;
        };
        stream.reset(&mut connection.quic, code);
    });
}

/// Gives up reading. For tests of peers that do so.
#[no_mangle]
pub extern "C" fn stop(index: u32, code: u32) {
    with(|module| {
        let Some(connection) = module.engine.connection(index as usize) else {
            return;
        };
        let Some(stream) = connection.stream.as_mut() else {
            return;
        };
        stream.stop(&mut connection.quic, code);
    });
}

fn refusal_code(refusal: Refusal) -> i32 {
    match refusal {
        Refusal::Blocked => -1,
        Refusal::Stopped => -2,
        Refusal::Closed => -3,
    }
}

/// Hands over what has come: `out[0]` pieces, `out[1]` 1 at the end of the stream or 2 when it was reset, then place and
/// bytes of each. They stay until the next call. @returns bytes in all
#[no_mangle]
pub extern "C" fn read(index: u32, max: u32, now: f64) -> u32 {
    with(|module| {
        module.held.clear();
        module.out[0] = 0;
        module.out[1] = 0;
        let now = module.engine.time(now);
        let Some(connection) = module.engine.connection(index as usize) else {
            return 0;
        };
        let Some(stream) = connection.stream.as_mut() else {
            return 0;
        };
        let end = stream.read(&mut connection.quic, now, max as usize, &mut module.held);
        let mut total = 0;
        for (place, piece) in module.held.iter().enumerate() {
            module.out[2 + 2 * place] = piece.as_ptr() as u32;
            module.out[3 + 2 * place] = piece.len() as u32;
            total += piece.len() as u32;
        }
        module.out[0] = module.held.len() as u32;
        module.out[1] = match end {
            End::Not => 0,
            End::Finished => 1,
            End::Reset => 2,
        };
        total
    })
}

/// Reason in `io`.
#[no_mangle]
pub extern "C" fn close(index: u32, code: f64, reason_len: u32, now: f64) {
    with(|module| {
        let now = module.engine.time(now);
        let Module { engine, io, .. } = module;
        engine.close(index as usize, now, code as u64, &io[..reason_len as usize]);
    });
}

/// With which code the peer has stopped reading.
#[no_mangle]
pub extern "C" fn stopped(index: u32) -> f64 {
    with(|module| {
        module
            .engine
            .connection(index as usize)
            .map_or(0.0, |connection| connection.stopped as f64)
    })
}

/// Milliseconds after which the peer gives up a silent connection; 0 = never, or not known yet.
#[no_mangle]
pub extern "C" fn peer_idle_timeout(index: u32) -> f64 {
    with(|module| {
        module
            .engine
            .connection(index as usize)
            .map_or(0.0, |connection| connection.peer_idle_timeout())
    })
}

/// Makes the peer answer.
#[no_mangle]
pub extern "C" fn ping(index: u32) {
    with(|module| {
        if let Some(connection) = module.engine.connection(index as usize) {
            connection.quic.ping();
        }
    });
}

#[no_mangle]
pub extern "C" fn update_keys(index: u32) {
    with(|module| {
        if let Some(connection) = module.engine.connection(index as usize) {
            connection.quic.force_key_update();
        }
    });
}

/// @returns bytes of the peer's certificate, in `io`; 0 = none
#[no_mangle]
pub extern "C" fn peer_certificate(index: u32) -> u32 {
    with(|module| {
        let certificate = module
            .engine
            .connection(index as usize)
            .and_then(|connection| connection.peer_certificate());
        certificate.map_or(0, |der| module.say(&der) as u32)
    })
}

/// @returns bytes of the protocol agreed on, in `io`
#[no_mangle]
pub extern "C" fn alpn(index: u32) -> u32 {
    with(|module| {
        let protocol = module
            .engine
            .connection(index as usize)
            .map_or_else(Vec::new, |connection| connection.alpn());
        module.say(&protocol) as u32
    })
}

/// @returns bytes of packets that the peer has acknowledged
#[no_mangle]
pub extern "C" fn acknowledged(index: u32) -> f64 {
    with(|module| {
        module
            .engine
            .connection(index as usize)
            .map_or(0.0, |connection| connection.acknowledged() as f64)
    })
}

/// Eight numbers of 64 bits, as floating point, in `io`: microseconds of the round trip, congestion window in bytes, packets
/// sent, packets lost, congestion events, bytes of the largest datagram, black holes of the path MTU, kind of the packet
/// keys. @returns 0 when there is no such connection
#[no_mangle]
pub extern "C" fn stats(index: u32) -> u32 {
    with(|module| {
        let Some(connection) = module.engine.connection(index as usize) else {
            return 0;
        };
        let path = connection.quic.stats().path;
        let numbers = [
            connection.quic.rtt().as_nanos() as f64 / 1e3,
            path.cwnd as f64,
            path.sent_packets as f64,
            path.lost_packets as f64,
            path.congestion_events as f64,
            f64::from(path.current_mtu),
            path.black_holes_detected as f64,
            f64::from(connection.aead),
        ];
        for (place, number) in numbers.iter().enumerate() {
            module.io[8 * place..8 * place + 8].copy_from_slice(&number.to_le_bytes());
        }
        1
    })
}

/// @returns bytes of secrets as lines of NSS, in `io`, taken away; 0 when there are no more
#[no_mangle]
pub extern "C" fn key_log() -> u32 {
    with(|module| {
        let lines = module.engine.key_log.take();
        module.say(&lines) as u32
    })
}

/// Connections that are not over, as the module counts them.
#[no_mangle]
pub extern "C" fn open_connections() -> u32 {
    with(|module| module.engine.open_connections() as u32)
}

/// The host needs the connection no more.
#[no_mangle]
pub extern "C" fn forget(index: u32) {
    with(|module| module.engine.forget(index as usize));
}
