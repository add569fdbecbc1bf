//! What the host does for the module: cryptography with keys that are not to be here, or that it does faster. Each call
//! does all of it at once, and none calls back.

#[cfg(target_family = "wasm")]
#[link(wasm_import_module = "host")]
extern "C" {
    /// @param kind - of an AEAD: 0 AES-128-GCM, 1 AES-256-GCM, 2 ChaCha20-Poly1305. @returns a number for the key; 0 = the host has no such cipher
    pub fn aead_new(kind: u32, key: *const u8, len: u32) -> u32;
    pub fn aead_free(id: u32);
    /// Encrypts `len` bytes in place. @returns 0, or another number on failure
    pub fn seal(id: u32, nonce: *const u8, aad: *const u8, aad_len: u32, data: *mut u8, len: u32, tag: *mut u8) -> u32;
    /// Decrypts `len` bytes in place; the tag is behind them. @returns 0, or another number on failure
    pub fn open(id: u32, nonce: *const u8, aad: *const u8, aad_len: u32, data: *mut u8, len: u32) -> u32;
    /// Makes a key of X25519. @param public - gets the 32 bytes of its public half. @returns a number for it; 0 = the host cannot
    pub fn exchange_new(public: *mut u8) -> u32;
    /// @param peer - a public key of 32 bytes. @param secret - gets 32 bytes. @returns 0, or another number on failure
    pub fn exchange_agree(id: u32, peer: *const u8, secret: *mut u8) -> u32;
    pub fn exchange_free(id: u32);
    /// @param scheme - of TLS. @returns bytes of the signature, at most `MAX_SIGNATURE`; 0 on failure
    pub fn sign(key: u32, scheme: u32, message: *const u8, len: u32, signature: *mut u8) -> u32;
    /// @returns the kind of a private key: 1 RSA, 2 P-256, 3 P-384, 4 Ed25519
    pub fn key_kind(key: u32) -> u32;
    /// @param algorithm - see `crypto::verify`. @returns 0 when the signature is right
    pub fn verify(
        algorithm: u32,
        key: *const u8,
        key_len: u32,
        message: *const u8,
        len: u32,
        signature: *const u8,
        signature_len: u32,
    ) -> u32;
}

/// Bytes of the longest signature: of RSA with 8192 bits.
pub const MAX_SIGNATURE: usize = 1024;

/// In place of the host, for tests on the machine that builds: one P-256 key, and everything by ring.
#[cfg(not(target_family = "wasm"))]
mod stand_in;
#[cfg(not(target_family = "wasm"))]
pub use stand_in::*;
