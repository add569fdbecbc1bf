//! What becomes of certificates: webpki's judgement, by roots in their time.

use super::pinned::{check_purpose, check_server, may_issue_others, CLIENT_AUTH};
use super::roots::{Root, Timed};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::{verify_tls13_signature, CryptoProvider};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::WebPkiClientVerifier;
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use std::fmt;
use std::sync::{Arc, Mutex};

/// The last certificate that was for another name, for the error that says so.
pub type RefusedCertificate = Arc<Mutex<Option<Vec<u8>>>>;

/// @param roots - `None` takes any certificate
pub fn server_verifier(
    roots: Option<Vec<Root>>,
    provider: Arc<CryptoProvider>,
    refused: RefusedCertificate,
) -> Arc<dyn ServerCertVerifier> {
    let making = provider.clone();
    let roots = roots.map(|roots| {
        Timed::new(roots, move |store| {
            WebPkiServerVerifier::builder_with_provider(Arc::new(store), making.clone())
                .build()
                .ok()
        })
    });
    Arc::new(ServerVerifier {
        roots,
        provider,
        refused,
    })
}

struct ServerVerifier {
    roots: Option<Timed<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
    refused: RefusedCertificate,
}

impl fmt::Debug for ServerVerifier {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("ServerVerifier")
    }
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(roots) = &self.roots else {
            return Ok(ServerCertVerified::assertion());
        };
        let ask = |inner: &WebPkiServerVerifier| inner.verify_server_cert(end_entity, intermediates, name, ocsp, now);
        let verdict = match roots.ask(now, ask) {
            Err(error) if may_issue_others(&error) => roots
                .check_has(end_entity, now)
                .and_then(|()| check_server(end_entity, name))
                .map(|()| ServerCertVerified::assertion()),
            verdict => verdict,
        };
        if let Err(Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) = &verdict
        {
            if let Ok(mut refused) = self.refused.lock() {
                *refused = Some(end_entity.to_vec());
            }
        }
        verdict
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.3 only".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// @param mandatory - whether a client without a certificate is refused
pub fn client_verifier(
    roots: Vec<Root>,
    mandatory: bool,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let roots: Timed<dyn ClientCertVerifier> = Timed::new(roots, move |store| {
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(store), provider.clone());
        let builder = if mandatory {
            builder
        } else {
            builder.allow_unauthenticated()
        };
        builder.build().ok()
    });
    match &roots.all {
        None => Err("clientRoots: none of them can be read".into()),
        Some(all) => Ok(Arc::new(ClientVerifier {
            all: all.clone(),
            roots,
        })),
    }
}

struct ClientVerifier {
    all: Arc<dyn ClientCertVerifier>,
    roots: Timed<dyn ClientCertVerifier>,
}

impl fmt::Debug for ClientVerifier {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("ClientVerifier")
    }
}

impl ClientCertVerifier for ClientVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.all.root_hint_subjects()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.all.client_auth_mandatory()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verdict = self
            .roots
            .ask(now, |inner| inner.verify_client_cert(end_entity, intermediates, now));
        match verdict {
            Err(error) if may_issue_others(&error) => self
                .roots
                .check_has(end_entity, now)
                .and_then(|()| check_purpose(end_entity, CLIENT_AUTH))
                .map(|()| ClientCertVerified::assertion()),
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.all.verify_tls12_signature(message, cert, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.all.verify_tls13_signature(message, cert, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.all.supported_verify_schemes()
    }
}
