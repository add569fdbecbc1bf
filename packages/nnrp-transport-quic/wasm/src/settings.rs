//! What the host has set before it listens or connects.

/// Places of the settings, the same as in the host's `module-settings.ts`. Times are milliseconds.
#[derive(Clone, Copy)]
#[repr(usize)]
pub enum Key {
    IdleTimeout = 0,
    /// Bytes that a peer may send ahead of the reader at first, and at most.
    Window = 1,
    MaxWindow = 2,
    /// Bytes of the largest datagram at first, and of the largest that may be found; 0 = none is looked for.
    Datagram = 3,
    MaxDatagram = 4,
    /// The same for peers on the loopback interface, where nothing is looked for.
    LoopbackDatagram = 5,
    /// Streams that a peer may open.
    PeerStreams = 6,
    /// 0 CUBIC, 1 NewReno, 2 BBR.
    Congestion = 7,
    /// Of a server: 0 none, 1 requested, 2 required.
    ClientCertificates = 8,
    /// Of a client: whether the server's certificate is verified.
    Verify = 9,
    /// The host's number of the private key; 0 = none.
    PrivateKey = 10,
    /// Whether secrets are logged, for Wireshark.
    KeyLog = 11,
    /// Of a server: tokens that a client gets when its address is proved.
    Tokens = 12,
}

pub const COUNT: usize = 13;

/// Numbers by their place.
#[derive(Clone, Default)]
pub struct Settings([f64; COUNT]);

impl Settings {
    pub fn set(&mut self, place: usize, value: f64) {
        self.0[place] = value;
    }

    pub fn u32(&self, key: Key) -> u32 {
        self.0[key as usize] as u32
    }

    pub fn is(&self, key: Key) -> bool {
        self.0[key as usize] != 0.0
    }
}
