//! quinn-proto, rustls and ring behind a C ABI. One instance of the module is one UDP socket with its connections. It has
//! no I/O and no clock: datagrams and the time of each call are handed in, entropy comes from the host, and so a run can be
//! repeated byte for byte. Everything runs to completion on the caller's thread.
//!
//! `abi` is what the host calls, `host` what the host does for the module; nothing of `host` leads back into `abi`.

// Names such as `write` belong to the system's library elsewhere.
#[cfg(target_family = "wasm")]
mod abi;
mod connection;
pub mod crypto;
mod engine;
pub mod explain;
pub mod host;
#[cfg(target_family = "wasm")]
mod panics;
mod promises;
mod settings;
pub mod stream;
mod tls;
pub mod tokens;
mod transport;

pub use connection::{Connection, Happened};
pub use engine::{Engine, Received, Transmitted};
pub use settings::{Key, Settings};
