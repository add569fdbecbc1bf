//! Roots that are trusted in their time only: to webpki a root has none.

use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{CertificateError, Error, RootCertStore};
use std::sync::{Arc, Mutex};

/// A certificate that is trusted by itself, and its time, in seconds since 1970.
pub struct Root {
    pub der: CertificateDer<'static>,
    pub from: u64,
    pub to: u64,
}

/// Roots, and a verifier of theirs for the roots whose time it is.
pub struct Timed<V: ?Sized> {
    roots: Vec<Root>,
    make: Box<dyn Fn(RootCertStore) -> Option<Arc<V>> + Send + Sync>,
    /// Of all roots; `None` when there are none that can be read.
    pub all: Option<Arc<V>>,
    current: Mutex<Option<Current<V>>>,
}

/// From a moment, included, to another, no root begins or ends to be valid.
struct Current<V: ?Sized> {
    from: u64,
    to: u64,
    /// Whether all roots are valid.
    complete: bool,
    verifier: Option<Arc<V>>,
}

impl<V: ?Sized> Timed<V> {
    /// @param make - a verifier for these roots, of which there is at least one
    pub fn new(roots: Vec<Root>, make: impl Fn(RootCertStore) -> Option<Arc<V>> + Send + Sync + 'static) -> Self {
        let all = verifier(roots.iter(), &make);
        Timed {
            roots,
            make: Box::new(make),
            all,
            current: Mutex::new(None),
        }
    }

    /// Asks the verifier of all roots, and after it that of the roots whose time it is, where it is not that of all: a
    /// certificate that only the first one takes leads to a root whose time it is not.
    pub fn ask<T>(&self, now: UnixTime, ask: impl Fn(&V) -> Result<T, Error>) -> Result<T, Error> {
        let Some(all) = &self.all else {
            return Err(CertificateError::UnknownIssuer.into());
        };
        let verdict = ask(all)?;
        let Ok(mut current) = self.current.lock() else {
            return Err(CertificateError::UnknownIssuer.into());
        };
        let seconds = now.as_secs();
        if !current
            .as_ref()
            .is_some_and(|known| known.from <= seconds && seconds < known.to)
        {
            *current = Some(self.at(seconds));
        }
        match current.as_ref() {
            Some(known) if known.complete => Ok(verdict),
            Some(Current {
                verifier: Some(verifier),
                ..
            }) => ask(verifier).map_err(|_| CertificateError::Expired.into()),
            _ => Err(CertificateError::Expired.into()),
        }
    }

    /// Whether a certificate is one of the roots, in its time.
    pub fn check_has(&self, certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
        let seconds = now.as_secs();
        let mut same = self.roots.iter().filter(|root| root.der == *certificate).peekable();
        if same.peek().is_none() {
            return Err(CertificateError::UnknownIssuer.into());
        }
        if same.any(|root| root.from <= seconds && seconds <= root.to) {
            return Ok(());
        }
        Err(CertificateError::Expired.into())
    }

    fn at(&self, now: u64) -> Current<V> {
        let is_valid = |root: &&Root| root.from <= now && now <= root.to;
        let valid = self.roots.iter().filter(is_valid);
        let changes = self
            .roots
            .iter()
            .flat_map(|root| [root.from, root.to.saturating_add(1)]);
        let to = changes.clone().filter(|change| *change > now).min().unwrap_or(u64::MAX);
        let from = changes.filter(|change| *change <= now).max().unwrap_or(0);
        let complete = valid.clone().count() == self.roots.len();
        let verifier = if complete { None } else { verifier(valid, &self.make) };
        Current {
            from,
            to,
            complete,
            verifier,
        }
    }
}

/// Roots that cannot be read vouch for nobody.
fn verifier<'a, V: ?Sized>(
    roots: impl Iterator<Item = &'a Root>,
    make: impl Fn(RootCertStore) -> Option<Arc<V>>,
) -> Option<Arc<V>> {
    let mut store = RootCertStore::empty();
    let (added, _) = store.add_parsable_certificates(roots.map(|root| root.der.clone()));
    if added == 0 {
        None
    } else {
        make(store)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const DER: &[u8] = include_bytes!("../../tests/data/localhost.der");

    fn ask(roots: &[(u64, u64)], now: u64) -> Result<(), Error> {
        let root = |&(from, to): &(u64, u64)| Root {
            der: DER.to_vec().into(),
            from,
            to,
        };
        let timed = Timed::new(roots.iter().map(root).collect(), |store| Some(Arc::new(store)));
        let at = |now| {
            timed.ask(
                UnixTime::since_unix_epoch(Duration::from_secs(now)),
                |_: &RootCertStore| Ok(()),
            )
        };
        // Whatever was asked before.
        let _ = at(0);
        at(now)
    }

    #[test]
    fn a_root_counts_in_its_time_only() {
        let expired = || Err(Error::InvalidCertificate(CertificateError::Expired));
        assert_eq!(ask(&[(10, 20)], 9), expired());
        assert_eq!(ask(&[(10, 20)], 10), Ok(()));
        assert_eq!(ask(&[(10, 20)], 20), Ok(()));
        assert_eq!(ask(&[(10, 20)], 21), expired());
        assert_eq!(ask(&[(10, 20), (15, 30)], 25), Ok(()));
    }

    #[test]
    fn without_a_root_nobody_is_trusted() {
        assert_eq!(
            ask(&[], 1),
            Err(Error::InvalidCertificate(CertificateError::UnknownIssuer))
        );
    }
}
