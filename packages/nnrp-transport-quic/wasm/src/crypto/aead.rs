//! Packets sealed by ring or by the host, whichever is faster for their size.

use super::pieces::Pieces;
use crate::host;
use rustls::crypto::cipher::{AeadKey, Iv, Nonce};
use rustls::crypto::CipherSuiteCommon;
use rustls::{quic, Error, SupportedCipherSuite, Tls13CipherSuite};
use std::cell::{Cell, OnceCell};

/// An AEAD as the host numbers it, and the bytes from which on a call of the host costs less than the work here.
#[derive(Clone, Copy)]
pub struct Shared {
    kind: u32,
    large: usize,
}

pub const AES_128_GCM: Shared = Shared { kind: 0, large: 400 };
pub const AES_256_GCM: Shared = Shared { kind: 1, large: 400 };
pub const CHACHA20_POLY1305: Shared = Shared { kind: 2, large: 3072 };

const TAG_BYTES: usize = 16;

thread_local! {
    static LAST_MADE: Cell<Option<u32>> = const { Cell::new(None) };
}

/// The kind of the last key that was made since it was asked before. Nothing else tells which suite ends have agreed on.
pub fn last_made() -> Option<u32> {
    LAST_MADE.take()
}

/// The suite with its packets shared between ring and the host.
pub fn shared(suite: SupportedCipherSuite, aead: Shared) -> SupportedCipherSuite {
    let like = suite.tls13().expect("TLS 1.3");
    let ring = like.quic.expect("for QUIC");
    SupportedCipherSuite::Tls13(Box::leak(Box::new(Tls13CipherSuite {
        common: CipherSuiteCommon {
            suite: like.common.suite,
            hash_provider: like.common.hash_provider,
            confidentiality_limit: like.common.confidentiality_limit,
        },
        hkdf_provider: like.hkdf_provider,
        aead_alg: like.aead_alg,
        quic: Some(Box::leak(Box::new(SharedAlgorithm { ring, aead }))),
    })))
}

struct SharedAlgorithm {
    ring: &'static dyn quic::Algorithm,
    aead: Shared,
}

impl quic::Algorithm for SharedAlgorithm {
    fn packet_key(&self, key: AeadKey, iv: Iv) -> Box<dyn quic::PacketKey> {
        LAST_MADE.set(Some(self.aead.kind));
        let bytes: &[u8] = key.as_ref();
        let large = HostKey {
            aead: self.aead,
            id: OnceCell::new(),
            key: bytes.into(),
            iv: Iv::from(Nonce::new(&iv, 0).0),
        };
        Box::new(SharedKey {
            small: self.ring.packet_key(key, iv),
            large: HostKeyCell(large),
            pieces: Pieces::new(),
        })
    }

    fn header_protection_key(&self, key: AeadKey) -> Box<dyn quic::HeaderProtectionKey> {
        self.ring.header_protection_key(key)
    }

    fn aead_key_len(&self) -> usize {
        self.ring.aead_key_len()
    }
}

struct SharedKey {
    small: Box<dyn quic::PacketKey>,
    large: HostKeyCell,
    pieces: Pieces,
}

impl quic::PacketKey for SharedKey {
    fn encrypt_in_place(&self, number: u64, header: &[u8], payload: &mut [u8]) -> Result<quic::Tag, Error> {
        match self.large.0.id_for(payload) {
            Some(id) => self.large.0.seal(id, number, header, payload),
            None => self.small.encrypt_in_place(number, header, payload),
        }
    }

    fn decrypt_in_place<'a>(&self, number: u64, header: &[u8], payload: &'a mut [u8]) -> Result<&'a [u8], Error> {
        let opened = match self.large.0.id_for(payload) {
            Some(id) => self.large.0.open(id, number, header, payload),
            None => self.small.decrypt_in_place(number, header, payload),
        }?;
        if self.pieces.allow(opened) {
            Ok(opened)
        } else {
            Err(Error::DecryptError)
        }
    }

    fn tag_len(&self) -> usize {
        TAG_BYTES
    }

    fn confidentiality_limit(&self) -> u64 {
        self.small.confidentiality_limit()
    }

    fn integrity_limit(&self) -> u64 {
        self.small.integrity_limit()
    }
}

/// A key that the host gets with the first large packet: most connections never have one.
struct HostKey {
    aead: Shared,
    id: OnceCell<u32>,
    key: Box<[u8]>,
    iv: Iv,
}

/// Keys are shared between threads elsewhere.
struct HostKeyCell(HostKey);
// SAFETY: the module has one thread; tests on the machine that builds keep each engine on its own.
unsafe impl Sync for HostKeyCell {}
// SAFETY: as above.
unsafe impl Send for HostKeyCell {}

impl HostKey {
    /// @returns the host's number of the key; `None` when the packet is small, or the host has no such cipher
    fn id_for(&self, payload: &[u8]) -> Option<u32> {
        if payload.len() < self.aead.large {
            return None;
        }
        // SAFETY: the host reads the bytes and keeps a copy.
        let id = *self
            .id
            .get_or_init(|| unsafe { host::aead_new(self.aead.kind, self.key.as_ptr(), self.key.len() as u32) });
        (id != 0).then_some(id)
    }

    fn seal(&self, id: u32, number: u64, header: &[u8], payload: &mut [u8]) -> Result<quic::Tag, Error> {
        let nonce = Nonce::new(&self.iv, number);
        let mut tag = [0; TAG_BYTES];
        // SAFETY: lengths are those of the slices; the host writes to payload and tag only.
        let failed = unsafe {
            host::seal(
                id,
                nonce.0.as_ptr(),
                header.as_ptr(),
                header.len() as u32,
                payload.as_mut_ptr(),
                payload.len() as u32,
                tag.as_mut_ptr(),
            )
        };
        if failed == 0 {
            Ok(quic::Tag::from(&tag[..]))
        } else {
            Err(Error::EncryptError)
        }
    }

    fn open<'a>(&self, id: u32, number: u64, header: &[u8], payload: &'a mut [u8]) -> Result<&'a [u8], Error> {
        let len = payload.len().checked_sub(TAG_BYTES).ok_or(Error::DecryptError)?;
        let nonce = Nonce::new(&self.iv, number);
        // SAFETY: as above; the tag lies within the slice.
        let failed = unsafe {
            host::open(
                id,
                nonce.0.as_ptr(),
                header.as_ptr(),
                header.len() as u32,
                payload.as_mut_ptr(),
                len as u32,
            )
        };
        if failed == 0 {
            Ok(&payload[..len])
        } else {
            Err(Error::DecryptError)
        }
    }
}

impl Drop for HostKey {
    fn drop(&mut self) {
        self.key.fill(0);
        if let Some(id) = self.id.get() {
            // SAFETY: a number of the host's.
            unsafe { host::aead_free(*id) }
        }
    }
}
