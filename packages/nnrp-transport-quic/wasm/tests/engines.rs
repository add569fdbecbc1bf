//! Two engines that hand each other their datagrams, on the machine that builds: what of the module needs no host. The
//! whole of it, in WebAssembly, is tested by the package.

use nnrp_quinn::crypto::Root;
use nnrp_quinn::stream::{End, Refusal};
use nnrp_quinn::{Engine, Happened, Key, Received};
use quinn_proto::Dir;
use std::net::SocketAddr;

const CERTIFICATE: &[u8] = include_bytes!("data/localhost.der");
const KEY: &[u8] = include_bytes!("data/localhost-key.der");

struct Pair {
    client: Engine,
    server: Engine,
    now: f64,
    /// Number of the connection at either end.
    at_client: usize,
    at_server: Option<usize>,
    happened: [u32; 2],
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], port))
}

fn engine(alpn: bool) -> Engine {
    nnrp_quinn::host::use_private_key(KEY);
    let mut engine = Engine::new([7; 64], 64 * 1024);
    for (key, value) in [
        (Key::IdleTimeout, 30_000.0),
        (Key::Window, 65_536.0),
        (Key::MaxWindow, 1_048_576.0),
        (Key::Datagram, 1350.0),
        (Key::MaxDatagram, 1452.0),
        (Key::LoopbackDatagram, 16_384.0),
    ] {
        engine.settings.set(key as usize, value);
    }
    if alpn {
        engine.credentials.protocols.push(b"nnrp/1".to_vec());
    }
    engine
}

fn server(alpn: bool) -> Engine {
    let mut server = engine(alpn);
    server.settings.set(Key::PeerStreams as usize, 1.0);
    server.settings.set(Key::PrivateKey as usize, 1.0);
    server.credentials.chain.push(CERTIFICATE.to_vec().into());
    server.listen().expect("it listens");
    server
}

fn client(alpn: bool) -> Engine {
    let mut client = engine(alpn);
    client.settings.set(Key::Verify as usize, 1.0);
    client.credentials.roots.push(Root {
        der: CERTIFICATE.to_vec().into(),
        from: 0,
        to: u64::MAX,
    });
    client.dial().expect("it dials");
    client
}

impl Pair {
    fn new(client: Engine, server: Engine, name: &str) -> Self {
        let mut pair = Pair {
            client,
            server,
            now: 1.0,
            at_client: 0,
            at_server: None,
            happened: [0; 2],
        };
        let now = pair.client.time(pair.now);
        pair.at_client = pair.client.connect(now, address(2), name).expect("it connects");
        pair
    }

    fn connected() -> Self {
        let mut pair = Pair::new(client(true), server(true), "localhost");
        pair.run(200);
        assert_eq!(
            pair.happened.map(|bits| bits & Happened::CONNECTED),
            [Happened::CONNECTED; 2]
        );
        pair
    }

    /// So many milliseconds pass.
    fn run(&mut self, ms: u32) {
        for _ in 0..ms {
            self.now += 1.0;
            while self.step() {}
            for (engine, index) in [
                (&mut self.client, Some(self.at_client)),
                (&mut self.server, self.at_server),
            ] {
                let Some(index) = index else { continue };
                let now = engine.time(self.now);
                if engine
                    .connection(index)
                    .and_then(|one| one.quic.poll_timeout())
                    .is_some_and(|at| at <= now)
                {
                    engine.handle_timeout(index, now);
                }
            }
        }
    }

    fn step(&mut self) -> bool {
        let mut moved = false;
        for from_client in [true, false] {
            let (from, to, index) = if from_client {
                (&mut self.client, &mut self.server, Some(self.at_client))
            } else {
                (&mut self.server, &mut self.client, self.at_server)
            };
            let Some(index) = index else { continue };
            let bits = from.connection(index).map_or(0, |one| one.happened());
            self.happened[usize::from(!from_client)] |= bits;
            let now = from.time(self.now);
            while let Some(sent) = from.transmit(index, now, 1) {
                moved = true;
                let datagram = from.answer[..sent.bytes].to_vec();
                let now = to.time(self.now);
                let back = address(if from_client { 1 } else { 2 });
                if let Received::Newcomer = to.receive(now, back, &datagram) {
                    match to.accept(now) {
                        Ok(index) => self.at_server = Some(index),
                        Err(_) => {
                            // What it says goes back at once.
                            let answer = to.answer.clone();
                            from.receive(now, address(2), &answer);
                        }
                    }
                }
            }
        }
        moved
    }
}

fn read(engine: &mut Engine, index: usize, now: f64) -> (Vec<u8>, End) {
    let now = engine.time(now);
    let connection = engine.connection(index).expect("a connection");
    let stream = connection.stream.as_mut().expect("a stream");
    let mut pieces = vec![];
    let end = stream.read(&mut connection.quic, now, usize::MAX, &mut pieces);
    (pieces.concat(), end)
}

#[test]
fn bytes_go_there_and_back_and_the_end_arrives() {
    let mut pair = Pair::connected();
    let body = (0..20_000_u32).map(|at| at as u8).collect::<Vec<_>>();
    let connection = pair.client.connection(pair.at_client).expect("a connection");
    assert!(connection.open_stream());
    let stream = connection.stream.as_mut().expect("a stream");
    assert_eq!(
        stream.write(&mut connection.quic, body.clone().into(), false),
        Ok(body.len())
    );
    assert_eq!(stream.finish(&mut connection.quic), Ok(()));
    pair.run(200);
    let index = pair.at_server.expect("accepted");
    assert_eq!(read(&mut pair.server, index, pair.now), (body.clone(), End::Finished));
    let connection = pair.server.connection(index).expect("a connection");
    let stream = connection.stream.as_mut().expect("a stream");
    assert_eq!(
        stream.write(&mut connection.quic, body.clone().into(), false),
        Ok(body.len())
    );
    pair.run(200);
    assert_eq!(
        read(&mut pair.client, pair.at_client, pair.now),
        (body.clone(), End::Not)
    );
    assert!(pair.server.connection(index).expect("a connection").acknowledged() > body.len() as u64);
    assert_eq!(
        pair.client.connection(pair.at_client).expect("a connection").alpn(),
        b"nnrp/1"
    );
}

#[test]
fn a_stream_sends_less_ahead_while_all_together_have_sent_much() {
    let mut pair = Pair::connected();
    let connection = pair.client.connection(pair.at_client).expect("a connection");
    assert!(connection.open_stream());
    let stream = connection.stream.as_mut().expect("a stream");
    let body = bytes::Bytes::from(vec![0; 60_000]);
    assert_eq!(stream.write(&mut connection.quic, body.clone(), true), Ok(16 * 1024));
    assert_eq!(
        stream.write(&mut connection.quic, body.clone(), true),
        Err(Refusal::Blocked)
    );
    // The peer's window is 64 KiB.
    assert_eq!(stream.write(&mut connection.quic, body, false), Ok(48 * 1024));
}

#[test]
fn a_peer_has_one_stream_and_neither_others_nor_datagrams() {
    let mut pair = Pair::connected();
    let connection = pair.client.connection(pair.at_client).expect("a connection");
    assert!(connection.open_stream());
    assert!(!connection.open_stream());
    assert_eq!(connection.quic.streams().open(Dir::Uni), None);
    assert_eq!(connection.quic.datagrams().max_size(), None);
    let index = pair.at_server.expect("accepted");
    let connection = pair.server.connection(index).expect("a connection");
    assert_eq!(connection.quic.streams().open(Dir::Bi), None);
    assert_eq!(connection.quic.streams().open(Dir::Uni), None);
}

#[test]
fn a_connection_that_is_closed_leaves_nothing_behind() {
    let mut pair = Pair::connected();
    let index = pair.at_server.expect("accepted");
    assert_eq!(pair.server.open_connections(), 1);
    let now = pair.client.time(pair.now);
    pair.client.close(pair.at_client, now, 5, b"why");
    pair.run(50);
    assert_eq!(pair.happened[1] & Happened::LOST, Happened::LOST);
    let lost = format!("{:?}", pair.server.connection(index).expect("a connection").lost);
    assert!(lost.contains("why"), "{lost}");
    pair.client.forget(pair.at_client);
    pair.server.forget(index);
    assert_eq!([pair.client.open_connections(), pair.server.open_connections()], [0, 0]);
    assert!(pair.server.connection(index).is_none());
}

#[test]
fn an_end_with_alpn_and_one_without_do_not_connect() {
    for (at_client, at_server) in [(true, false), (false, true)] {
        let mut pair = Pair::new(client(at_client), server(at_server), "localhost");
        pair.run(200);
        assert_eq!(pair.happened[0] & Happened::CONNECTED, 0, "{at_client} {at_server}");
    }
    let mut pair = Pair::new(client(false), server(false), "localhost");
    pair.run(200);
    assert_eq!(pair.happened[0] & Happened::CONNECTED, Happened::CONNECTED);
    assert_eq!(
        pair.client.connection(pair.at_client).expect("a connection").alpn(),
        b""
    );
}

#[test]
fn a_certificate_for_another_name_is_refused_and_kept_for_the_error() {
    let mut pair = Pair::new(client(true), server(true), "example.org");
    pair.run(200);
    assert_eq!(
        pair.happened[0] & (Happened::CONNECTED | Happened::LOST),
        Happened::LOST
    );
    assert_eq!(
        pair.client.refused.lock().expect("a lock").take().as_deref(),
        Some(CERTIFICATE)
    );
}

#[test]
fn a_newcomer_who_is_asked_for_proof_comes_back_with_it() {
    let mut pair = Pair::new(client(true), server(true), "localhost");
    let now = pair.client.time(pair.now);
    let sent = pair.client.transmit(pair.at_client, now, 1).expect("a first datagram");
    let first = pair.client.answer[..sent.bytes].to_vec();
    let at = pair.server.time(pair.now);
    assert!(matches!(
        pair.server.receive(at, address(1), &first),
        Received::Newcomer
    ));
    assert_eq!(pair.server.newcomer(), (false, true));
    pair.server.retry();
    let retry = pair.server.answer.clone();
    assert!(!retry.is_empty() && retry.len() < first.len());
    assert_eq!(pair.server.open_connections(), 0);
    pair.client.receive(now, address(2), &retry);
    let sent = pair.client.transmit(pair.at_client, now, 1).expect("a second datagram");
    let second = pair.client.answer[..sent.bytes].to_vec();
    assert!(matches!(
        pair.server.receive(at, address(1), &second),
        Received::Newcomer
    ));
    assert_eq!(pair.server.newcomer(), (true, false));
    // From another port it is no proof.
    let elsewhere = pair.server.receive(at, address(9), &second);
    assert!(matches!(elsewhere, Received::Nothing));
}

#[test]
fn secrets_are_logged_when_they_are_asked_for() {
    let mut logging = client(true);
    assert!(logging.key_log.take().is_empty());
    logging.settings.set(Key::KeyLog as usize, 1.0);
    logging.credentials.protocols.push(b"nnrp/1".to_vec());
    logging.settings.set(Key::Verify as usize, 0.0);
    logging.dial().expect("it dials");
    let mut pair = Pair::new(logging, server(true), "localhost");
    pair.run(200);
    let lines = String::from_utf8(pair.client.key_log.take()).expect("text");
    for label in ["CLIENT_HANDSHAKE_TRAFFIC_SECRET ", "SERVER_TRAFFIC_SECRET_0 "] {
        assert!(lines.lines().any(|line| line.starts_with(label)), "{lines}");
    }
    assert!(pair.server.key_log.take().is_empty());
}

#[test]
fn a_client_gets_as_many_tokens_as_are_set_and_keeps_the_last() {
    for (sent, is_held) in [(0.0, false), (1.0, true), (2.0, true)] {
        let mut giving = engine(true);
        giving.settings.set(Key::Tokens as usize, sent);
        giving.settings.set(Key::PeerStreams as usize, 1.0);
        giving.settings.set(Key::PrivateKey as usize, 1.0);
        giving.credentials.chain.push(CERTIFICATE.to_vec().into());
        giving.listen().expect("it listens");
        let mut pair = Pair::new(client(true), giving, "localhost");
        pair.run(200);
        let index = pair.at_server.expect("accepted");
        let connection = pair.server.connection(index).expect("a connection");
        assert_eq!(connection.quic.stats().frame_tx.new_token, sent as u64);
        assert_eq!(pair.client.held_token.take_it().is_some(), is_held);
        assert_eq!(pair.client.held_token.take_it(), None);
    }
}

#[test]
fn a_client_shows_a_token_in_its_next_first_datagram_alone() {
    const TOKEN_AT: usize = 6 + 16 + 1;
    let mut client = client(true);
    client.held_token.keep(b"a token".to_vec().into());
    let now = client.time(1.0);
    for shown in [&b"\x07a token"[..], &b"\x00"[..]] {
        let index = client.connect(now, address(2), "localhost").expect("it connects");
        client.transmit(index, now, 1).expect("a first datagram");
        let own_id = usize::from(client.answer[TOKEN_AT - 1]);
        let at = TOKEN_AT + own_id;
        assert_eq!(&client.answer[at..at + shown.len()], shown);
    }
}
