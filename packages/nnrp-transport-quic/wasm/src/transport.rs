//! How connections behave on the wire.

use crate::settings::{Key, Settings};
use quinn_proto::congestion::{
    BbrConfig, Controller, ControllerFactory, ControllerMetrics, CubicConfig, NewRenoConfig,
};
use quinn_proto::{IdleTimeout, MtuDiscoveryConfig, RttEstimator, TransportConfig, VarInt};
use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

/// Bytes of the handshake that are kept while earlier ones are missing: enough for long chains of certificates.
const CRYPTO_BUFFER: usize = 64 * 1024;
/// Bytes that may be sent ahead of acknowledgements at first; `Stream::write` raises it with the congestion window.
pub const SEND_WINDOW: u64 = 1 << 20;

/// Bytes of certificates that a server can show in one datagram without sending a stranger more than three times as much as
/// has come from it.
const MAX_CHAIN_AT_ONCE: usize = 2400;

/// @param loopback - whether the peer is on this machine
/// @param chain_bytes - of the certificates that it will be shown
/// @param window - bytes that the peer may send ahead of the reader at first
pub fn transport_config(settings: &Settings, loopback: bool, chain_bytes: usize, window: u32) -> TransportConfig {
    let (mut datagram, mut most) = (settings.u32(Key::Datagram), settings.u32(Key::MaxDatagram));
    if loopback {
        let large = settings.u32(Key::LoopbackDatagram);
        (datagram, most) = if chain_bytes > MAX_CHAIN_AT_ONCE {
            (datagram.min(large), large)
        } else {
            (large, 0)
        };
    }
    let mut config = TransportConfig::default();
    config
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(
            settings.u32(Key::IdleTimeout),
        ))))
        // The host sends signs of life: it knows the peer's idle timeout, and the timer stays that of the idle timeout.
        .keep_alive_interval(None)
        .max_concurrent_bidi_streams(VarInt::from_u32(settings.u32(Key::PeerStreams)))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        // There is one stream: the connection's window does the work, since it can grow.
        .stream_receive_window(VarInt::from_u32(settings.u32(Key::MaxWindow)))
        .receive_window(VarInt::from_u32(window))
        .send_window(SEND_WINDOW)
        .crypto_buffer_size(CRYPTO_BUFFER)
        .datagram_receive_buffer_size(None)
        .initial_mtu(datagram as u16)
        .allow_spin(false)
        .congestion_controller_factory(Arc::new(Counted {
            kind: settings.u32(Key::Congestion),
            datagram,
        }));
    config.mtu_discovery_config((most > 0).then(|| {
        let mut discovery = MtuDiscoveryConfig::default();
        discovery.upper_bound(most as u16);
        discovery
    }));
    config
}

/// Makes congestion controllers that count what is acknowledged.
struct Counted {
    kind: u32,
    datagram: u32,
}

impl ControllerFactory for Counted {
    fn build(self: Arc<Self>, now: Instant, current_mtu: u16) -> Box<dyn Controller> {
        // RFC 9002 section 7.2, for datagrams of any size: nothing leaves unless a whole one fits into the window.
        let window = (10 * u64::from(self.datagram)).max(14_720);
        let inner = match self.kind {
            1 => {
                let mut config = NewRenoConfig::default();
                config.initial_window(window);
                Arc::new(config).build(now, current_mtu)
            }
            2 => {
                let mut config = BbrConfig::default();
                config.initial_window(window);
                Arc::new(config).build(now, current_mtu)
            }
            _ => {
                let mut config = CubicConfig::default();
                config.initial_window(window);
                Arc::new(config).build(now, current_mtu)
            }
        };
        Box::new(Counting { inner, acknowledged: 0 })
    }
}

/// A controller that counts what is acknowledged: nothing else tells how far a peer has got with what it is sent.
pub struct Counting {
    inner: Box<dyn Controller>,
    /// Bytes of packets.
    pub acknowledged: u64,
}

impl Controller for Counting {
    fn on_sent(&mut self, now: Instant, bytes: u64, last_packet_number: u64) {
        self.inner.on_sent(now, bytes, last_packet_number);
    }

    fn on_ack(&mut self, now: Instant, sent: Instant, bytes: u64, app_limited: bool, rtt: &RttEstimator) {
        self.acknowledged += bytes;
        self.inner.on_ack(now, sent, bytes, app_limited, rtt);
    }

    fn on_end_acks(&mut self, now: Instant, in_flight: u64, app_limited: bool, largest: Option<u64>) {
        self.inner.on_end_acks(now, in_flight, app_limited, largest);
    }

    fn on_congestion_event(&mut self, now: Instant, sent: Instant, is_persistent: bool, lost_bytes: u64) {
        self.inner.on_congestion_event(now, sent, is_persistent, lost_bytes);
    }

    fn on_mtu_update(&mut self, new_mtu: u16) {
        self.inner.on_mtu_update(new_mtu);
    }

    fn window(&self) -> u64 {
        self.inner.window()
    }

    fn metrics(&self) -> ControllerMetrics {
        self.inner.metrics()
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(Counting {
            inner: self.inner.clone_box(),
            acknowledged: self.acknowledged,
        })
    }

    fn initial_window(&self) -> u64 {
        self.inner.initial_window()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}
