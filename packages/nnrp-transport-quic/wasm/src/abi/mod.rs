//! What the host calls. Numbers that do not fit a result, and addresses, go by `out`; texts by `io`; datagrams to the
//! module by `rx`, and from it by the place that `out` says.
//!
//! A call out of a call would find the engine borrowed, and trap. Here is what comes before connections; the rest is in the
//! files of this folder.

mod connections;
mod datagrams;
mod streams;

use crate::crypto::Root;
use crate::engine::Engine;
use crate::explain::Loss;
use crate::panics;
use crate::stream::MAX_PIECES;
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
