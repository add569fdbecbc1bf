//! What has become of a connection, what is known of it, and its end.

use super::{with, Module};
use crate::connection::Happened;
use crate::explain::Loss;

/// @returns bits of `Happened`
#[no_mangle]
pub extern "C" fn happened(index: u32) -> u32 {
    with(|module| {
        module
            .engine
            .connection(index as usize)
            .map_or(Happened::DRAINED, |connection| connection.happened())
    })
}

/// Why it was lost: `out[0]` the kind of `Loss`, `out[1]` and `out[2]` the code, `out[3]` bytes of text in `io`.
#[no_mangle]
pub extern "C" fn lost(index: u32) -> i32 {
    with(|module| {
        let lost = module
            .engine
            .connection(index as usize)
            .and_then(|connection| connection.lost.as_ref().map(Loss::from));
        match lost {
            Some(loss) => {
                module.explain(&loss);
                0
            }
            None => -1,
        }
    })
}

/// The last certificate that was refused because of its name, once. @returns its bytes, in `io`; 0 = none
#[no_mangle]
pub extern "C" fn refused_certificate() -> u32 {
    with(|module| {
        let refused = module.engine.refused.lock().ok().and_then(|mut refused| refused.take());
        refused.map_or(0, |der| module.say(&der) as u32)
    })
}

/// Reason in `io`.
#[no_mangle]
pub extern "C" fn close(index: u32, code: f64, reason_len: u32, now: f64) {
    with(|module| {
        let now = module.engine.time(now);
        let Module { engine, io, .. } = module;
        engine.close(index as usize, now, code as u64, &io[..reason_len as usize]);
    });
}

/// With which code the peer has stopped reading.
#[no_mangle]
pub extern "C" fn stopped(index: u32) -> f64 {
    with(|module| {
        module
            .engine
            .connection(index as usize)
            .map_or(0.0, |connection| connection.stopped as f64)
    })
}

/// Milliseconds after which the peer gives up a silent connection; 0 = never, or not known yet.
#[no_mangle]
pub extern "C" fn peer_idle_timeout(index: u32) -> f64 {
    with(|module| {
        module
            .engine
            .connection(index as usize)
            .map_or(0.0, |connection| connection.peer_idle_timeout())
    })
}

/// Makes the peer answer.
#[no_mangle]
pub extern "C" fn ping(index: u32) {
    with(|module| {
        if let Some(connection) = module.engine.connection(index as usize) {
            connection.quic.ping();
        }
    });
}

#[no_mangle]
pub extern "C" fn update_keys(index: u32) {
    with(|module| {
        if let Some(connection) = module.engine.connection(index as usize) {
            connection.quic.force_key_update();
        }
    });
}

/// @returns bytes of the peer's certificate, in `io`; 0 = none
#[no_mangle]
pub extern "C" fn peer_certificate(index: u32) -> u32 {
    with(|module| {
        let certificate = module
            .engine
            .connection(index as usize)
            .and_then(|connection| connection.peer_certificate());
        certificate.map_or(0, |der| module.say(&der) as u32)
    })
}

/// @returns bytes of the protocol agreed on, in `io`
#[no_mangle]
pub extern "C" fn alpn(index: u32) -> u32 {
    with(|module| {
        let protocol = module
            .engine
            .connection(index as usize)
            .map_or_else(Vec::new, |connection| connection.alpn());
        module.say(&protocol) as u32
    })
}

/// @returns bytes of packets that the peer has acknowledged
#[no_mangle]
pub extern "C" fn acknowledged(index: u32) -> f64 {
    with(|module| {
        module
            .engine
            .connection(index as usize)
            .map_or(0.0, |connection| connection.acknowledged() as f64)
    })
}

/// Eight numbers of 64 bits, as floating point, in `io`: microseconds of the round trip, congestion window in bytes, packets
/// sent, packets lost, congestion events, bytes of the largest datagram, black holes of the path MTU, kind of the packet
/// keys. @returns 0 when there is no such connection
#[no_mangle]
pub extern "C" fn stats(index: u32) -> u32 {
    with(|module| {
        let Some(connection) = module.engine.connection(index as usize) else {
            return 0;
        };
        let path = connection.quic.stats().path;
        let numbers = [
            connection.quic.rtt().as_nanos() as f64 / 1e3,
            path.cwnd as f64,
            path.sent_packets as f64,
            path.lost_packets as f64,
            path.congestion_events as f64,
            f64::from(path.current_mtu),
            path.black_holes_detected as f64,
            f64::from(connection.aead),
        ];
        for (place, number) in numbers.iter().enumerate() {
            module.io[8 * place..8 * place + 8].copy_from_slice(&number.to_le_bytes());
        }
        1
    })
}

/// @returns bytes of secrets as lines of NSS, in `io`, taken away; 0 when there are no more
#[no_mangle]
pub extern "C" fn key_log() -> u32 {
    with(|module| {
        let lines = module.engine.key_log.take();
        module.say(&lines) as u32
    })
}

/// Connections that are not over, as the module counts them.
#[no_mangle]
pub extern "C" fn open_connections() -> u32 {
    with(|module| module.engine.open_connections() as u32)
}

/// The host needs the connection no more.
#[no_mangle]
pub extern "C" fn forget(index: u32) {
    with(|module| module.engine.forget(index as usize));
}
