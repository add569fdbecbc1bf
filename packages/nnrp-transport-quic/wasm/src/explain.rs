//! Why a connection was lost, in numbers and words.

use quinn_proto::ConnectionError;

/// Kinds: 1 closed by the peer's application, 2 by the peer's QUIC, 3 by this end's QUIC, 4 timed out, 5 reset, 6 other.
pub struct Loss {
    pub kind: u32,
    pub code: u64,
    pub text: String,
}

impl From<&ConnectionError> for Loss {
    fn from(reason: &ConnectionError) -> Self {
        let (kind, code, text) = match reason {
            ConnectionError::ApplicationClosed(close) => (
                1,
                close.error_code.into_inner(),
                String::from_utf8_lossy(&close.reason).into_owned(),
            ),
            ConnectionError::ConnectionClosed(close) => (
                2,
                u64::from(close.error_code),
                String::from_utf8_lossy(&close.reason).into_owned(),
            ),
            ConnectionError::TransportError(error) => (3, u64::from(error.code), error.reason.clone()),
            ConnectionError::TimedOut => (4, 0, String::new()),
            ConnectionError::Reset => (5, 0, String::new()),
            other => (6, 0, other.to_string()),
        };
        Loss { kind, code, text }
    }
}
