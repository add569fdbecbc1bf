//! In place of the host. The functions are unsafe as those of the host are.
#![allow(clippy::missing_safety_doc, clippy::too_many_arguments)]

use ring::aead::{Aad, LessSafeKey, Nonce, UnboundKey, AES_128_GCM, AES_256_GCM, CHACHA20_POLY1305};
use ring::agreement::{agree_ephemeral, EphemeralPrivateKey, UnparsedPublicKey as PublicKey, X25519};
use ring::rand::SystemRandom;
use ring::signature::{EcdsaKeyPair, UnparsedPublicKey, ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING};
use std::cell::RefCell;
use std::slice::{from_raw_parts, from_raw_parts_mut};

thread_local! {
    static KEYS: RefCell<Vec<LessSafeKey>> = const { RefCell::new(vec![]) };
    static PRIVATE_KEY: RefCell<Vec<u8>> = const { RefCell::new(vec![]) };
    static EXCHANGES: RefCell<Vec<Option<EphemeralPrivateKey>>> = const { RefCell::new(vec![]) };
}

/// The key of every server, in PKCS#8.
pub fn use_private_key(der: &[u8]) {
    PRIVATE_KEY.with(|key| *key.borrow_mut() = der.to_vec());
}

pub unsafe fn aead_new(kind: u32, key: *const u8, len: u32) -> u32 {
    let algorithm = [&AES_128_GCM, &AES_256_GCM, &CHACHA20_POLY1305][kind as usize];
    // SAFETY: the caller's slice.
    let key =
        LessSafeKey::new(UnboundKey::new(algorithm, unsafe { from_raw_parts(key, len as usize) }).expect("a key"));
    KEYS.with(|keys| {
        keys.borrow_mut().push(key);
        keys.borrow().len() as u32
    })
}

pub unsafe fn aead_free(_: u32) {}

pub unsafe fn seal(
    id: u32,
    nonce: *const u8,
    aad: *const u8,
    aad_len: u32,
    data: *mut u8,
    len: u32,
    tag: *mut u8,
) -> u32 {
    // SAFETY: the caller's slices.
    let (nonce, aad, data, out) = unsafe {
        (
            from_raw_parts(nonce, 12),
            from_raw_parts(aad, aad_len as usize),
            from_raw_parts_mut(data, len as usize),
            from_raw_parts_mut(tag, 16),
        )
    };
    let nonce = Nonce::try_assume_unique_for_key(nonce).expect("12 bytes");
    KEYS.with(
        |keys| match keys.borrow()[id as usize - 1].seal_in_place_separate_tag(nonce, Aad::from(aad), data) {
            Ok(tag) => {
                out.copy_from_slice(tag.as_ref());
                0
            }
            Err(_) => 1,
        },
    )
}

pub unsafe fn open(id: u32, nonce: *const u8, aad: *const u8, aad_len: u32, data: *mut u8, len: u32) -> u32 {
    // SAFETY: the caller's slices; the tag is behind the data.
    let (nonce, aad, data) = unsafe {
        (
            from_raw_parts(nonce, 12),
            from_raw_parts(aad, aad_len as usize),
            from_raw_parts_mut(data, len as usize + 16),
        )
    };
    let nonce = Nonce::try_assume_unique_for_key(nonce).expect("12 bytes");
    KEYS.with(|keys| {
        keys.borrow()[id as usize - 1]
            .open_in_place(nonce, Aad::from(aad), data)
            .map_or(1, |_| 0)
    })
}

pub unsafe fn exchange_new(public: *mut u8) -> u32 {
    let key = EphemeralPrivateKey::generate(&X25519, &SystemRandom::new()).expect("a key");
    let made = key.compute_public_key().expect("a public key");
    // SAFETY: the caller's slice.
    unsafe { from_raw_parts_mut(public, 32) }.copy_from_slice(made.as_ref());
    EXCHANGES.with(|exchanges| {
        exchanges.borrow_mut().push(Some(key));
        exchanges.borrow().len() as u32
    })
}

pub unsafe fn exchange_agree(id: u32, peer: *const u8, secret: *mut u8) -> u32 {
    // SAFETY: the caller's slices.
    let (peer, out) = unsafe { (from_raw_parts(peer, 32), from_raw_parts_mut(secret, 32)) };
    let key = EXCHANGES.with(|exchanges| exchanges.borrow_mut()[id as usize - 1].take());
    let agreed = agree_ephemeral(key.expect("a key"), &PublicKey::new(&X25519, peer), |made| {
        out.copy_from_slice(made);
    });
    agreed.map_or(1, |()| 0)
}

pub unsafe fn exchange_free(_: u32) {}

pub unsafe fn sign(_: u32, _: u32, message: *const u8, len: u32, signature: *mut u8) -> u32 {
    let random = SystemRandom::new();
    PRIVATE_KEY.with(|key| {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &key.borrow(), &random).expect("a key");
        // SAFETY: the caller's slices.
        unsafe {
            let signed = pair
                .sign(&random, from_raw_parts(message, len as usize))
                .expect("a signature");
            from_raw_parts_mut(signature, signed.as_ref().len()).copy_from_slice(signed.as_ref());
            signed.as_ref().len() as u32
        }
    })
}

pub unsafe fn key_kind(_: u32) -> u32 {
    2
}

pub unsafe fn verify(
    _: u32,
    key: *const u8,
    key_len: u32,
    message: *const u8,
    len: u32,
    sig: *const u8,
    sig_len: u32,
) -> u32 {
    // SAFETY: the caller's slices.
    let (key, message, signature) = unsafe {
        (
            from_raw_parts(key, key_len as usize),
            from_raw_parts(message, len as usize),
            from_raw_parts(sig, sig_len as usize),
        )
    };
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key);
    key.verify(message, signature).map_or(1, |()| 0)
}
