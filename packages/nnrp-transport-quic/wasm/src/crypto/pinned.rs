//! A certificate that is trusted by itself and shown by the peer itself. webpki refuses it when it may issue others, as every one
//! that `openssl req -x509` makes by default; TLS of Node takes it.

use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error};

/// serverAuth and clientAuth of RFC 5280 4.2.1.12, and any purpose, as DER.
pub const SERVER_AUTH: &[u8] = &[0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
pub const CLIENT_AUTH: &[u8] = &[0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];
const ANY_PURPOSE: &[u8] = &[0x06, 0x04, 0x55, 0x1d, 0x25, 0x00];
/// extendedKeyUsage as DER.
const EXTENDED_KEY_USAGE: &[u8] = &[0x06, 0x03, 0x55, 0x1d, 0x25];
/// Longer than any list of purposes that is meant.
const MAX_PURPOSES: usize = 127;

/// Whether webpki has refused a certificate because it may issue others. rustls has no name for that.
pub fn may_issue_others(error: &Error) -> bool {
    matches!(error, Error::InvalidCertificate(CertificateError::Other(why)) if why.to_string() == "CaUsedAsEndEntity")
}

/// What is left to check of a certificate that is one of the roots in its time: that it is for the server that was asked for.
pub fn check_server(certificate: &CertificateDer<'_>, name: &ServerName<'_>) -> Result<(), Error> {
    check_purpose(certificate, SERVER_AUTH)?;
    verify_server_name(&ParsedCertificate::try_from(certificate)?, name)
}

/// A certificate that names purposes is for them alone.
///
/// Where the extension stands is not parsed: its bytes stand in no certificate by chance that its owner trusts by itself.
pub fn check_purpose(certificate: &CertificateDer<'_>, purpose: &[u8]) -> Result<(), Error> {
    let der = certificate.as_ref();
    let Some(at) = find(der, EXTENDED_KEY_USAGE) else {
        return Ok(());
    };
    let end = der.len().min(at + EXTENDED_KEY_USAGE.len() + MAX_PURPOSES);
    let purposes = list_of(&der[at + EXTENDED_KEY_USAGE.len()..end]).ok_or(CertificateError::BadEncoding)?;
    if find(purposes, purpose).is_some() || find(purposes, ANY_PURPOSE).is_some() {
        return Ok(());
    }
    Err(CertificateError::InvalidPurpose.into())
}

/// Behind the name of an extension: perhaps BOOLEAN critical, then OCTET STRING around SEQUENCE.
fn list_of(bytes: &[u8]) -> Option<&[u8]> {
    let bytes = match bytes {
        [0x01, 0x01, _, rest @ ..] => rest,
        all => all,
    };
    match bytes {
        [0x04, octets, 0x30, length, rest @ ..] if usize::from(*octets) == usize::from(*length) + 2 => {
            rest.get(..usize::from(*length))
        }
        _ => None,
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes as they stand in a certificate, behind others.
    fn check(extension: &[u8], purpose: &[u8]) -> Result<(), Error> {
        let der = [&[0x30, 0x03], extension, &[0x30, 0x00]].concat();
        check_purpose(&CertificateDer::from(der), purpose)
    }

    fn purposes(critical: &[u8], list: &[&[u8]]) -> Vec<u8> {
        let list = list.concat();
        let length = list.len() as u8;
        [EXTENDED_KEY_USAGE, critical, &[0x04, length + 2, 0x30, length], &list].concat()
    }

    #[test]
    fn a_certificate_without_purposes_is_for_all() {
        assert_eq!(check(&[], SERVER_AUTH), Ok(()));
    }

    #[test]
    fn one_with_purposes_is_for_them_alone() {
        let refused = Err(Error::InvalidCertificate(CertificateError::InvalidPurpose));
        for critical in [&[][..], &[0x01, 0x01, 0xff]] {
            let both = purposes(critical, &[CLIENT_AUTH, SERVER_AUTH]);
            assert_eq!(check(&both, SERVER_AUTH), Ok(()));
            assert_eq!(check(&purposes(critical, &[ANY_PURPOSE]), CLIENT_AUTH), Ok(()));
            assert_eq!(check(&purposes(critical, &[CLIENT_AUTH]), SERVER_AUTH), refused);
            assert_eq!(check(&purposes(critical, &[SERVER_AUTH]), CLIENT_AUTH), refused);
        }
    }

    #[test]
    fn one_that_is_cut_or_odd_is_refused() {
        let whole = purposes(&[], &[SERVER_AUTH]);
        for length in EXTENDED_KEY_USAGE.len()..whole.len() {
            let cut = CertificateDer::from(whole[..length].to_vec());
            assert!(check_purpose(&cut, SERVER_AUTH).is_err(), "{length}");
        }
        assert!(check(&[EXTENDED_KEY_USAGE, &[0x05, 0x00]].concat(), SERVER_AUTH).is_err());
    }
}
