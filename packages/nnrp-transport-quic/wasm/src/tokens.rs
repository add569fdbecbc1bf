//! Tokens of NEW_TOKEN frames (RFC 9000 section 8.1.3): with one a client that comes again has proved its address before.

use bytes::Bytes;
use quinn_proto::{TokenLog, TokenReuseError, TokenStore};
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

/// How long a token is good for.
pub const TOKEN_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// Tokens that a server remembers to have been used.
pub const MAX_USED: usize = 16_384;
/// Bytes of a token that a client keeps; those of quinn-proto have 41 or 53.
const MAX_TOKEN: usize = 1024;

/// Lets a server take each of its tokens once.
pub struct UsedTokens(Mutex<Used>);

struct Used {
    /// Tokens of then and of before are not taken: whether they have been used is not known.
    forgotten: SystemTime,
    tokens: BTreeSet<(SystemTime, u128)>,
}

impl UsedTokens {
    /// @param begun - the time on the clock of tokens; those of an instance before this one are not taken
    pub fn new(begun: SystemTime) -> Self {
        UsedTokens(Mutex::new(Used {
            forgotten: begun,
            tokens: BTreeSet::new(),
        }))
    }
}

impl TokenLog for UsedTokens {
    fn check_and_insert(&self, nonce: u128, issued: SystemTime, lifetime: Duration) -> Result<(), TokenReuseError> {
        let Ok(mut used) = self.0.lock() else {
            return Err(TokenReuseError);
        };
        if issued <= used.forgotten || !used.tokens.insert((issued, nonce)) {
            return Err(TokenReuseError);
        }
        // Tokens that are over by now do not come here, nor do those that are older than the oldest that is remembered.
        let newest = used.tokens.last().map_or(issued, |last| last.0);
        while let Some(&(oldest, _)) = used.tokens.first() {
            if oldest + lifetime >= newest && used.tokens.len() <= MAX_USED {
                break;
            }
            used.forgotten = used.forgotten.max(oldest);
            used.tokens.pop_first();
        }
        Ok(())
    }
}

/// The token for a client's next connection: the last one that its server has given. Each is shown once.
#[derive(Default)]
pub struct HeldToken(Mutex<Option<Bytes>>);

impl HeldToken {
    pub fn keep(&self, token: Bytes) {
        if token.len() > MAX_TOKEN {
            return;
        }
        if let Ok(mut held) = self.0.lock() {
            *held = Some(token);
        }
    }

    pub fn take_it(&self) -> Option<Bytes> {
        self.0.lock().ok().and_then(|mut held| held.take())
    }
}

impl TokenStore for HeldToken {
    fn insert(&self, _server_name: &str, token: Bytes) {
        self.keep(token);
    }

    fn take(&self, _server_name: &str) -> Option<Bytes> {
        self.take_it()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = TOKEN_LIFETIME;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn is_taken(log: &UsedTokens, nonce: u128, seconds: u64) -> bool {
        log.check_and_insert(nonce, at(seconds), DAY).is_ok()
    }

    fn remembered(log: &UsedTokens) -> usize {
        log.0.lock().expect("a lock").tokens.len()
    }

    #[test]
    fn a_token_is_taken_once() {
        let log = UsedTokens::new(at(100));
        assert!(is_taken(&log, 1, 101));
        assert!(!is_taken(&log, 1, 101));
        assert!(is_taken(&log, 2, 101));
    }

    #[test]
    fn tokens_of_before_are_not_taken() {
        let log = UsedTokens::new(at(100));
        assert!(!is_taken(&log, 1, 99));
        assert!(!is_taken(&log, 2, 100));
        assert_eq!(remembered(&log), 0);
    }

    #[test]
    fn tokens_that_are_over_are_forgotten() {
        let log = UsedTokens::new(at(100));
        assert!(is_taken(&log, 1, 101));
        assert!(is_taken(&log, 2, 101 + DAY.as_secs()));
        assert_eq!(remembered(&log), 2);
        assert!(is_taken(&log, 3, 102 + DAY.as_secs()));
        assert_eq!(remembered(&log), 2);
        assert!(!is_taken(&log, 1, 101));
    }

    #[test]
    fn a_full_log_takes_none_that_it_may_have_forgotten() {
        let log = UsedTokens::new(at(100));
        for nonce in 0..MAX_USED as u128 {
            assert!(is_taken(&log, nonce, 200 + nonce as u64));
        }
        assert!(is_taken(&log, 0, 20_000));
        assert_eq!(remembered(&log), MAX_USED);
        assert!(!is_taken(&log, 0, 200));
        assert!(!is_taken(&log, 1 << 100, 200));
        assert!(is_taken(&log, 1 << 100, 201));
    }

    #[test]
    fn a_full_log_of_one_second_takes_no_more_of_it() {
        let log = UsedTokens::new(at(100));
        for nonce in 0..=MAX_USED as u128 {
            assert!(is_taken(&log, nonce, 200));
        }
        assert!(!is_taken(&log, 1 << 100, 200));
        assert!(!is_taken(&log, 5, 200));
        assert!(is_taken(&log, 5, 201));
        assert_eq!(remembered(&log), MAX_USED);
    }

    #[test]
    fn a_client_holds_the_last_token_and_shows_it_once() {
        let held = HeldToken::default();
        assert_eq!(held.take("a"), None);
        held.insert("a", Bytes::from_static(b"one"));
        held.insert("a", Bytes::from_static(b"two"));
        held.insert("a", Bytes::from(vec![0; MAX_TOKEN + 1]));
        assert_eq!(held.take("a").as_deref(), Some(&b"two"[..]));
        assert_eq!(held.take("a"), None);
    }
}
