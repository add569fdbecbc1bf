//! X25519 by the host, which takes half the time; its private keys are never here. Where the host has none, ring does it.

use crate::host;
use rustls::crypto::ring::kx_group;
use rustls::crypto::{ActiveKeyExchange, SharedSecret, SupportedKxGroup};
use rustls::ffdhe_groups::FfdheGroup;
use rustls::{Error, NamedGroup, PeerMisbehaved};

/// Bytes of a public key, and of what both ends come to share.
const BYTES: usize = 32;

pub static X25519: &dyn SupportedKxGroup = &HostX25519;

#[derive(Debug)]
struct HostX25519;

impl SupportedKxGroup for HostX25519 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let mut public = [0; BYTES];
        // SAFETY: the host writes a public key.
        let id = unsafe { host::exchange_new(public.as_mut_ptr()) };
        if id == 0 {
            return kx_group::X25519.start();
        }
        Ok(Box::new(Exchange { id, public }))
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

struct Exchange {
    /// The host's number of the private key.
    id: u32,
    public: [u8; BYTES],
}

impl ActiveKeyExchange for Exchange {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let wrong = || Err(PeerMisbehaved::InvalidKeyShare.into());
        if peer.len() != BYTES {
            return wrong();
        }
        let mut secret = vec![0; BYTES];
        // SAFETY: the host reads a public key and writes a secret.
        let failed = unsafe { host::exchange_agree(self.id, peer.as_ptr(), secret.as_mut_ptr()) };
        // Nothing but zeros comes of keys that share nothing (RFC 7748 section 6.1). Not every host says so.
        let sum = secret.iter().fold(0, |sum, byte| sum | byte);
        if failed != 0 || sum == 0 {
            return wrong();
        }
        Ok(SharedSecret::from(secret))
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // SAFETY: a number of the host's.
        unsafe { host::exchange_free(self.id) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_come_to_the_same_also_with_one_of_ring() {
        for other in [X25519, kx_group::X25519] {
            let (one, two) = (X25519.start().unwrap(), other.start().unwrap());
            let (first, second) = (one.pub_key().to_vec(), two.pub_key().to_vec());
            let (secret, same) = (one.complete(&second).unwrap(), two.complete(&first).unwrap());
            assert_eq!(secret.secret_bytes(), same.secret_bytes());
        }
    }

    #[test]
    fn keys_that_are_none_are_refused() {
        let refused = Some(Error::PeerMisbehaved(PeerMisbehaved::InvalidKeyShare));
        for peer in [&[0; BYTES][..], &[9; BYTES - 1], &[9; BYTES + 1], &[]] {
            assert_eq!(X25519.start().unwrap().complete(peer).err(), refused);
        }
    }
}
