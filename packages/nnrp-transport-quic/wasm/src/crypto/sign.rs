//! Certificates whose private keys stay with the host.

use crate::host;
use rustls::client::ResolvesClientCert;
use rustls::pki_types::CertificateDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{Error, SignatureAlgorithm, SignatureScheme};
use std::sync::Arc;

const RSA: u32 = 1;
const P256: u32 = 2;
const P384: u32 = 3;

/// @param key - the host's number of the private key of the first certificate
pub fn resolver(chain: Vec<CertificateDer<'static>>, key: u32) -> Arc<Resolver> {
    // SAFETY: a number of the host's.
    let kind = unsafe { host::key_kind(key) };
    Arc::new(Resolver(Arc::new(CertifiedKey::new(
        chain,
        Arc::new(HostKey { key, kind }),
    ))))
}

/// Shows one certificate, whatever the peer asks for: if it does not take it, it says why.
#[derive(Debug)]
pub struct Resolver(Arc<CertifiedKey>);

impl ResolvesServerCert for Resolver {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

impl ResolvesClientCert for Resolver {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[derive(Debug, Clone, Copy)]
struct HostKey {
    key: u32,
    kind: u32,
}

impl SigningKey for HostKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let own: &[SignatureScheme] = match self.kind {
            RSA => &[
                SignatureScheme::RSA_PSS_SHA256,
                SignatureScheme::RSA_PSS_SHA384,
                SignatureScheme::RSA_PSS_SHA512,
            ],
            P256 => &[SignatureScheme::ECDSA_NISTP256_SHA256],
            P384 => &[SignatureScheme::ECDSA_NISTP384_SHA384],
            _ => &[SignatureScheme::ED25519],
        };
        let scheme = *own.iter().find(|scheme| offered.contains(scheme))?;
        Some(Box::new(HostSigner { key: self.key, scheme }))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        match self.kind {
            RSA => SignatureAlgorithm::RSA,
            P256 | P384 => SignatureAlgorithm::ECDSA,
            _ => SignatureAlgorithm::ED25519,
        }
    }
}

#[derive(Debug)]
struct HostSigner {
    key: u32,
    scheme: SignatureScheme,
}

impl Signer for HostSigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let mut signature = vec![0; host::MAX_SIGNATURE];
        let (at, len) = (message.as_ptr(), message.len() as u32);
        // SAFETY: the host writes no more than there is room for.
        let len =
            unsafe { host::sign(self.key, u16::from(self.scheme).into(), at, len, signature.as_mut_ptr()) } as usize;
        if len == 0 || len > host::MAX_SIGNATURE {
            return Err(Error::General("the private key does not sign".into()));
        }
        signature.truncate(len);
        Ok(signature)
    }

    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }
}
