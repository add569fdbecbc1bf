//! One UDP socket with its connections.

use crate::connection::Connection;
use crate::crypto::{self, RefusedCertificate};
use crate::explain::Loss;
use crate::promises::{first_window, Promises, SIZES};
use crate::settings::{Key, Settings};
use crate::tls::{self, Credentials, SharedKeyLog};
use crate::tokens::{HeldToken, UsedTokens, TOKEN_LIFETIME};
use crate::transport::transport_config;
use bytes::BytesMut;
use quinn_proto::{
    ClientConfig, ConnectionIdGenerator, DatagramEvent, Endpoint, EndpointConfig, EndpointEvent, Incoming,
    RandomConnectionIdGenerator, ServerConfig, TransportConfig, ValidationTokenConfig,
};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// Bytes of every connection id that this end gives out.
const ID_BYTES: usize = 16;
const RETRY_TOKEN_LIFETIME: Duration = Duration::from_secs(30);
const MAX_UDP_PAYLOAD: u16 = 65_527;
const VERSION_1: u32 = 1;
const TOO_MANY_PIECES: &str = "too many small pieces of a stream in one packet";

/// What has become of a datagram. An answer, if there is one, is in the buffer of `Engine::answer`.
pub enum Received {
    /// It is dealt with.
    Nothing,
    /// It was for this connection.
    Connection(usize),
    /// Somebody wants a connection, and waits for `decide`.
    Newcomer,
}

/// A batch of datagrams, in the buffer of `Engine::transmit`.
pub struct Transmitted {
    pub bytes: usize,
    /// Bytes of each but the last.
    pub segment: usize,
    pub to: SocketAddr,
    /// Whether that is another place than the one that the connection sends to: an answer to a question from there.
    pub is_aside: bool,
}

/// The configuration of one role, for peers on other machines and on this one.
struct Both<T> {
    remote: T,
    loopback: T,
}

impl<T> Both<T> {
    /// @param make - for peers on this machine or not
    fn made(make: impl Fn(bool) -> T) -> Self {
        Both {
            remote: make(false),
            loopback: make(true),
        }
    }

    fn of(&self, peer: IpAddr) -> &T {
        if is_loopback(peer) {
            &self.loopback
        } else {
            &self.remote
        }
    }
}

fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

pub struct Engine {
    pub settings: Settings,
    pub credentials: Credentials,
    pub key_log: SharedKeyLog,
    pub refused: RefusedCertificate,
    /// Of a client.
    pub held_token: Arc<HeldToken>,
    /// Of a server; it outlives renewals.
    used_tokens: Arc<UsedTokens>,
    /// What is to be sent.
    pub answer: Vec<u8>,
    base: Instant,
    secret: [u8; 64],
    endpoint: Option<Endpoint>,
    client: Option<(ClientConfig, [Both<Arc<TransportConfig>>; SIZES])>,
    server: Option<[Both<Arc<ServerConfig>>; SIZES]>,
    connections: Vec<Option<Connection>>,
    pub promises: Promises,
    newcomer: Option<Incoming>,
}

impl Engine {
    /// @param secret - for stateless resets and the tokens of Retry packets
    pub fn new(secret: [u8; 64], answer_bytes: usize) -> Self {
        Engine {
            settings: Settings::default(),
            credentials: Credentials::default(),
            key_log: SharedKeyLog::default(),
            refused: RefusedCertificate::default(),
            held_token: Arc::default(),
            used_tokens: Arc::new(UsedTokens::new(SystemTime::now())),
            answer: Vec::with_capacity(answer_bytes),
            base: Instant::now(),
            secret,
            endpoint: None,
            client: None,
            server: None,
            connections: vec![],
            promises: Promises::default(),
            newcomer: None,
        }
    }

    /// @param ms - milliseconds on the clock of the host
    pub fn time(&self, ms: f64) -> Instant {
        self.base + Duration::from_nanos((ms * 1e6) as u64)
    }

    /// Milliseconds on the clock of the host.
    pub fn ms(&self, at: Instant) -> f64 {
        at.saturating_duration_since(self.base).as_nanos() as f64 / 1e6
    }

    pub fn connection(&mut self, index: usize) -> Option<&mut Connection> {
        self.connections.get_mut(index)?.as_mut()
    }

    /// Connections that the endpoint knows, those included that the host has forgotten too early.
    pub fn open_connections(&self) -> usize {
        self.endpoint.as_ref().map_or(0, Endpoint::open_connections)
    }

    /// Listens with the settings and credentials given so far; the second time, new handshakes go by new ones.
    pub fn listen(&mut self) -> Result<(), String> {
        let given = std::mem::take(&mut self.credentials);
        let chain_bytes = given.chain.iter().map(|one| one.len()).sum::<usize>();
        let crypto = Arc::new(tls::server(&self.settings, given, &self.key_log)?);
        let tokens =
            Arc::new(ring::hkdf::Salt::new(ring::hkdf::HKDF_SHA256, b"nnrp retry tokens").extract(&self.secret));
        let mut new_tokens = ValidationTokenConfig::default();
        new_tokens
            .lifetime(TOKEN_LIFETIME)
            .log(self.used_tokens.clone())
            .sent(self.settings.u32(Key::Tokens));
        let most = self.settings.u32(Key::Window);
        let config = |size, loopback| {
            let window = first_window(size, most);
            let mut config = ServerConfig::new(crypto.clone(), tokens.clone());
            config
                .transport_config(Arc::new(transport_config(
                    &self.settings,
                    loopback,
                    chain_bytes,
                    window,
                )))
                .migration(true)
                .validation_token_config(new_tokens.clone())
                .retry_token_lifetime(RETRY_TOKEN_LIFETIME);
            Arc::new(config)
        };
        let all = std::array::from_fn(|size| Both::made(|loopback| config(size, loopback)));
        let default = Some(all[0].remote.clone());
        match self.endpoint.as_mut() {
            Some(endpoint) => endpoint.set_server_config(default),
            None => self.endpoint = Some(self.make_endpoint(default)),
        }
        self.server = Some(all);
        Ok(())
    }

    /// Connects with the settings and credentials given so far.
    pub fn dial(&mut self) -> Result<(), String> {
        let given = std::mem::take(&mut self.credentials);
        let crypto = tls::client(&self.settings, given, &self.key_log, self.refused.clone())?;
        let mut config = ClientConfig::new(Arc::new(crypto));
        config.token_store(self.held_token.clone());
        config.initial_dst_cid_provider(Arc::new(|| RandomConnectionIdGenerator::new(ID_BYTES).generate_cid()));
        let most = self.settings.u32(Key::Window);
        let transport =
            |size, loopback| Arc::new(transport_config(&self.settings, loopback, 0, first_window(size, most)));
        let all = std::array::from_fn(|size| Both::made(|loopback| transport(size, loopback)));
        self.client = Some((config, all));
        self.endpoint = Some(self.make_endpoint(None));
        Ok(())
    }

    fn make_endpoint(&self, server: Option<Arc<ServerConfig>>) -> Endpoint {
        let reset_key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &self.secret);
        let mut config = EndpointConfig::new(Arc::new(reset_key));
        config
            .cid_generator(|| Box::new(RandomConnectionIdGenerator::new(ID_BYTES)))
            .max_udp_payload_size(MAX_UDP_PAYLOAD)
            .expect("in bounds")
            .supported_versions(vec![VERSION_1])
            .grease_quic_bit(false);
        Endpoint::new(Arc::new(config), server, true, None)
    }

    /// @param name - the DNS name or IP address that the server's certificate must be for
    pub fn connect(&mut self, now: Instant, peer: SocketAddr, name: &str) -> Result<usize, String> {
        let (Some((config, transports)), Some(endpoint)) = (&self.client, self.endpoint.as_mut()) else {
            return Err("it is no client".into());
        };
        let mut config = config.clone();
        let size = self.promises.size(self.settings.u32(Key::Window));
        config.transport_config(transports[size].of(peer.ip()).clone());
        let (handle, quic) = endpoint
            .connect(now, config, peer, name)
            .map_err(|error| error.to_string())?;
        Ok(self.add(handle, quic, size))
    }

    /// @param size - of its first window
    fn add(&mut self, handle: quinn_proto::ConnectionHandle, quic: quinn_proto::Connection, size: usize) -> usize {
        let index = handle.0;
        if self.connections.len() <= index {
            self.connections.resize_with(index + 1, || None);
        }
        let window = first_window(size, self.settings.u32(Key::Window));
        let promise = self.promises.promise(window);
        let mut connection = Connection::new(handle, quic, promise, self.settings.u32(Key::MaxWindow));
        connection.aead = crypto::last_made().unwrap_or(0);
        self.connections[index] = Some(connection);
        self.settle(index);
        index
    }

    /// What endpoint and connection have to tell each other. Due after everything that a connection has done. @returns whether the
    /// connection has got new ids to give to its peer
    pub fn settle(&mut self, index: usize) -> bool {
        let Some(endpoint) = self.endpoint.as_mut() else {
            return false;
        };
        let Some(Some(connection)) = self.connections.get_mut(index) else {
            return false;
        };
        let mut has_ids = false;
        while let Some(event) = connection.quic.poll_endpoint_events() {
            // The endpoint would give its number to another connection before the host has heard the last of this one.
            if event.is_drained() {
                connection.drained = true;
                continue;
            }
            if let Some(answer) = endpoint.handle_event(connection.handle, event) {
                connection.quic.handle_event(answer);
                connection.new_ids += 1;
                has_ids = true;
            }
        }
        has_ids
    }

    pub fn receive(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) -> Received {
        self.answer.clear();
        self.drop_newcomer();
        let Some(endpoint) = self.endpoint.as_mut() else {
            return Received::Nothing;
        };
        match endpoint.handle(now, from, None, None, BytesMut::from(datagram), &mut self.answer) {
            Some(DatagramEvent::ConnectionEvent(handle, event)) => {
                let index = handle.0;
                let Some(Some(connection)) = self.connections.get_mut(index) else {
                    return Received::Nothing;
                };
                connection.quic.handle_event(event);
                if let Some(kind) = crypto::last_made() {
                    connection.aead = kind;
                }
                if crypto::too_many() {
                    connection.refuse(now, TOO_MANY_PIECES);
                }
                if self.settle(index) {
                    if let Some(connection) = self.connection(index) {
                        connection.count_waiting_ids(now);
                    }
                }
                Received::Connection(index)
            }
            Some(DatagramEvent::NewConnection(incoming)) => {
                self.newcomer = Some(incoming);
                Received::Newcomer
            }
            Some(DatagramEvent::Response(_)) | None => Received::Nothing,
        }
    }

    /// Whether the newcomer has proved its address, and whether it can be asked to.
    pub fn newcomer(&self) -> (bool, bool) {
        let newcomer = self.newcomer.as_ref();
        newcomer.map_or((false, false), |one| (one.remote_address_validated(), one.may_retry()))
    }

    /// The newcomer has to prove its address: the answer is a Retry packet.
    pub fn retry(&mut self) {
        let (Some(endpoint), Some(incoming)) = (self.endpoint.as_mut(), self.newcomer.take()) else {
            return;
        };
        if let Err(error) = endpoint.retry(incoming, &mut self.answer) {
            endpoint.ignore(error.into_incoming());
        }
    }

    /// The newcomer gets no answer.
    pub fn drop_newcomer(&mut self) {
        if let (Some(endpoint), Some(incoming)) = (self.endpoint.as_mut(), self.newcomer.take()) {
            endpoint.ignore(incoming);
        }
    }

    /// Begins with the newcomer. @returns the connection, or why it has failed at once; then there may be an answer
    pub fn accept(&mut self, now: Instant) -> Result<usize, Loss> {
        let (Some(endpoint), Some(incoming)) = (self.endpoint.as_mut(), self.newcomer.take()) else {
            return Err(Loss {
                kind: 6,
                code: 0,
                text: "there is no newcomer".into(),
            });
        };
        let size = self.promises.size(self.settings.u32(Key::Window));
        let config = self
            .server
            .as_ref()
            .map(|all| all[size].of(incoming.remote_address().ip()).clone());
        let accepted = endpoint.accept(incoming, now, &mut self.answer, config);
        let has_too_many = crypto::too_many();
        match accepted {
            Ok((handle, quic)) => {
                let index = self.add(handle, quic, size);
                match self.connection(index) {
                    Some(connection) if has_too_many => connection.refuse(now, TOO_MANY_PIECES),
                    _ => {}
                }
                Ok(index)
            }
            Err(_) if has_too_many => Err(Loss {
                kind: 6,
                code: 0,
                text: TOO_MANY_PIECES.into(),
            }),
            Err(error) => Err(Loss::from(&error.cause)),
        }
    }

    /// @param max - datagrams in one batch. @returns `None` when there is nothing to send
    pub fn transmit(&mut self, index: usize, now: Instant, max: usize) -> Option<Transmitted> {
        self.answer.clear();
        let connection = self.connections.get_mut(index)?.as_mut()?;
        let sent = connection.quic.poll_transmit(now, max, &mut self.answer);
        let is_aside = sent
            .as_ref()
            .is_some_and(|sent| sent.destination != connection.quic.remote_address());
        self.settle(index);
        let sent = sent?;
        Some(Transmitted {
            bytes: sent.size,
            segment: sent.segment_size.unwrap_or(sent.size),
            to: sent.destination,
            is_aside,
        })
    }

    pub fn handle_timeout(&mut self, index: usize, now: Instant) {
        if let Some(connection) = self.connection(index) {
            connection.quic.handle_timeout(now);
            self.settle(index);
        }
    }

    pub fn close(&mut self, index: usize, now: Instant, code: u64, reason: &[u8]) {
        if let Some(connection) = self.connection(index) {
            connection.close(now, code, reason);
            self.settle(index);
        }
    }

    /// A connection that the host needs no more; it need not be drained.
    pub fn forget(&mut self, index: usize) {
        let Some(connection) = self.connections.get_mut(index).and_then(Option::take) else {
            return;
        };
        if let Some(endpoint) = self.endpoint.as_mut() {
            endpoint.handle_event(connection.handle, EndpointEvent::drained());
        }
    }
}
