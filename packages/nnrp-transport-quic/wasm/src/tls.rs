//! The configurations of rustls.

use crate::crypto::{self, RefusedCertificate, Root};
use crate::settings::{Key, Settings};
use quinn_proto::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::pki_types::CertificateDer;
use rustls::version::TLS13;
use rustls::{ClientConfig, KeyLog, ServerConfig};
use std::sync::{Arc, Mutex};

/// What the host has handed over.
#[derive(Default)]
pub struct Credentials {
    pub chain: Vec<CertificateDer<'static>>,
    pub roots: Vec<Root>,
    /// Names of protocols for ALPN; without one there is no ALPN.
    pub protocols: Vec<Vec<u8>>,
}

/// Secrets of handshakes as lines of NSS, until the host takes them.
pub type SharedKeyLog = Arc<KeyLines>;

#[derive(Debug, Default)]
pub struct KeyLines(Mutex<Vec<u8>>);

/// Bytes that are kept at most for a host that does not take them.
const MAX_KEY_LINES: usize = 64 * 1024;

impl KeyLines {
    pub fn take(&self) -> Vec<u8> {
        self.0
            .lock()
            .map(|mut lines| std::mem::take(&mut *lines))
            .unwrap_or_default()
    }
}

impl KeyLog for KeyLines {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let Ok(mut lines) = self.0.lock() else { return };
        if lines.len() >= MAX_KEY_LINES {
            return;
        }
        lines.extend_from_slice(label.as_bytes());
        for bytes in [client_random, secret] {
            lines.push(b' ');
            for byte in bytes {
                lines.extend_from_slice(format!("{byte:02x}").as_bytes());
            }
        }
        lines.push(b'\n');
    }
}

pub fn server(settings: &Settings, given: Credentials, key_log: &SharedKeyLog) -> Result<QuicServerConfig, String> {
    let provider = crypto::provider();
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&TLS13])
        .map_err(|error| error.to_string())?;
    let clients = settings.u32(Key::ClientCertificates);
    let builder = if clients == 0 {
        builder.with_no_client_auth()
    } else {
        builder.with_client_cert_verifier(crypto::client_verifier(given.roots, clients == 2, provider)?)
    };
    let mut tls = builder.with_cert_resolver(crypto::resolver(given.chain, settings.u32(Key::PrivateKey)));
    tls.alpn_protocols = given.protocols;
    tls.max_early_data_size = 0;
    tls.send_tls13_tickets = 0;
    // Else clients with AES in hardware would choose what costs most here.
    tls.ignore_client_order = true;
    if settings.is(Key::KeyLog) {
        tls.key_log = key_log.clone();
    }
    QuicServerConfig::try_from(tls).map_err(|error| error.to_string())
}

pub fn client(
    settings: &Settings,
    given: Credentials,
    key_log: &SharedKeyLog,
    refused: RefusedCertificate,
) -> Result<QuicClientConfig, String> {
    let provider = crypto::provider();
    let roots = settings.is(Key::Verify).then_some(given.roots);
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&TLS13])
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(crypto::server_verifier(roots, provider, refused));
    let mut tls = if settings.is(Key::PrivateKey) {
        builder.with_client_cert_resolver(crypto::resolver(given.chain, settings.u32(Key::PrivateKey)))
    } else {
        builder.with_no_client_auth()
    };
    tls.alpn_protocols = given.protocols;
    tls.enable_early_data = false;
    tls.resumption = rustls::client::Resumption::disabled();
    if settings.is(Key::KeyLog) {
        tls.key_log = key_log.clone();
    }
    QuicClientConfig::try_from(tls).map_err(|error| error.to_string())
}
