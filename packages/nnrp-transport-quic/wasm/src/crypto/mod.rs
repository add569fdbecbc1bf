//! Which cryptography does what. ring, compiled along: hashes, header protection, small packets. The host: X25519, large
//! packets, signatures made and verified. Nothing of it is written here.

mod aead;
mod exchange;
mod pieces;
mod pinned;
mod roots;
mod sign;
mod verifiers;
mod verify;

pub use aead::last_made;
pub use pieces::{too_many, varint};
pub use roots::Root;
pub use sign::resolver;
pub use verifiers::{client_verifier, server_verifier, RefusedCertificate};

use rustls::crypto::ring::{cipher_suite, default_provider, kx_group};
use rustls::crypto::CryptoProvider;
use std::sync::{Arc, OnceLock};

/// One for all connections.
pub fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER
        .get_or_init(|| {
            let mut provider = default_provider();
            // ring's AES is bit-sliced here, and takes six times as long as its ChaCha20.
            provider.cipher_suites = vec![
                aead::shared(cipher_suite::TLS13_CHACHA20_POLY1305_SHA256, aead::CHACHA20_POLY1305),
                aead::shared(cipher_suite::TLS13_AES_128_GCM_SHA256, aead::AES_128_GCM),
                aead::shared(cipher_suite::TLS13_AES_256_GCM_SHA384, aead::AES_256_GCM),
            ];
            provider.kx_groups = vec![exchange::X25519, kx_group::SECP256R1, kx_group::SECP384R1];
            provider.signature_verification_algorithms = verify::by_host(provider.signature_verification_algorithms);
            Arc::new(provider)
        })
        .clone()
}
