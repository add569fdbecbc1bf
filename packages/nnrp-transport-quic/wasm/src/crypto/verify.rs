//! Signatures verified by the host.

use crate::host;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{alg_id, AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm};

/// The same algorithms, each carried out by the host.
pub fn by_host(ring: WebPkiSupportedAlgorithms) -> WebPkiSupportedAlgorithms {
    let wrap = |inner: &'static dyn SignatureVerificationAlgorithm| -> &'static dyn SignatureVerificationAlgorithm {
        match number(inner) {
            Some(number) => Box::leak(Box::new(HostVerification { number, inner })),
            None => inner,
        }
    };
    let all = ring.all.iter().map(|one| wrap(*one)).collect::<Vec<_>>();
    let mapping = ring.mapping.iter().map(|(scheme, list)| {
        let list = list.iter().map(|one| wrap(*one)).collect::<Vec<_>>();
        (*scheme, &*Box::leak(list.into_boxed_slice()))
    });
    let mapping = mapping.collect::<Vec<_>>();
    WebPkiSupportedAlgorithms {
        all: Box::leak(all.into_boxed_slice()),
        mapping: Box::leak(mapping.into_boxed_slice()),
    }
}

/// The kind of key (0 RSA, 1 P-256, 2 P-384, 3 Ed25519) times 16, and the signature: 1 PKCS#1, 2 PSS, 3 ECDSA and 4 Ed25519,
/// times 4, and the hash: 0 none, 1 SHA-256, 2 SHA-384, 3 SHA-512. `None`: what the host is not asked to do.
fn number(algorithm: &dyn SignatureVerificationAlgorithm) -> Option<u32> {
    let key = match algorithm.public_key_alg_id() {
        alg_id::RSA_ENCRYPTION => 0,
        alg_id::ECDSA_P256 => 1,
        alg_id::ECDSA_P384 => 2,
        alg_id::ED25519 => 3,
        _ => return None,
    };
    let (signature, hash) = match algorithm.signature_alg_id() {
        alg_id::RSA_PKCS1_SHA256 => (1, 1),
        alg_id::RSA_PKCS1_SHA384 => (1, 2),
        alg_id::RSA_PKCS1_SHA512 => (1, 3),
        alg_id::RSA_PSS_SHA256 => (2, 1),
        alg_id::RSA_PSS_SHA384 => (2, 2),
        alg_id::RSA_PSS_SHA512 => (2, 3),
        alg_id::ECDSA_SHA256 => (3, 1),
        alg_id::ECDSA_SHA384 => (3, 2),
        alg_id::ED25519 => (4, 0),
        _ => return None,
    };
    Some(key << 8 | signature << 4 | hash)
}

#[derive(Debug)]
struct HostVerification {
    number: u32,
    inner: &'static dyn SignatureVerificationAlgorithm,
}

impl SignatureVerificationAlgorithm for HostVerification {
    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        // SAFETY: the host reads only.
        let wrong = unsafe {
            host::verify(
                self.number,
                key.as_ptr(),
                key.len() as u32,
                message.as_ptr(),
                message.len() as u32,
                signature.as_ptr(),
                signature.len() as u32,
            )
        };
        if wrong == 0 {
            Ok(())
        } else {
            Err(InvalidSignature)
        }
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.inner.public_key_alg_id()
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.inner.signature_alg_id()
    }
}
