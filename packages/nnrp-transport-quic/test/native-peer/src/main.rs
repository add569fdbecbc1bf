//! A peer whose QUIC is native quinn. It does one thing on one connection, says `ok` or what is wrong, and ends.
//!
//! native-peer listen CERTIFICATE KEY PROTOCOL TASK    prints its port first
//! native-peer call PORT CERTIFICATE PROTOCOL TASK     the certificate is the root, and is for localhost
//!
//! Files are DER. PROTOCOL is the name of the only one, or `-` for QUIC without ALPN. TASK is `echo` for a server, `send
//! BYTES` for a client, which wants the same bytes back, or `script FILE`: a line `> HEX` is sent, a line `< HEX` must come,
//! byte for byte.

use quinn::crypto::rustls::{HandshakeData, QuicClientConfig, QuicServerConfig};
use quinn::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use quinn::{ClientConfig, Connection, Endpoint, RecvStream, SendStream, ServerConfig};
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

type Outcome<T> = Result<T, Box<dyn Error>>;

const CHUNK: usize = 64 * 1024;

fn main() -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    runtime.block_on(async {
        match &words[..] {
            ["listen", certificate, key, protocol, task @ ..] => listen(certificate, key, protocol, task).await,
            ["call", port, root, protocol, task @ ..] => call(port.parse()?, root, protocol, task).await,
            _ => Err("listen or call?".into()),
        }
    })?;
    println!("ok");
    Ok(())
}

fn protocols(name: &str) -> Vec<Vec<u8>> {
    if name == "-" {
        vec![]
    } else {
        vec![name.as_bytes().to_vec()]
    }
}

async fn listen(certificate: &str, key: &str, protocol: &str, task: &[&str]) -> Outcome<()> {
    let chain = vec![CertificateDer::from(std::fs::read(certificate)?)];
    let key = PrivateKeyDer::try_from(std::fs::read(key)?)?;
    let mut tls = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    tls.alpn_protocols = protocols(protocol);
    let config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls)?));
    let endpoint = Endpoint::server(config, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    println!("{}", endpoint.local_addr()?.port());
    let connection = endpoint.accept().await.ok_or("the endpoint is closed")?.await?;
    agreed(&connection, protocol)?;
    let (send, receive) = connection.accept_bi().await?;
    work(send, receive, task).await?;
    // The client has everything once it closes.
    connection.closed().await;
    endpoint.wait_idle().await;
    Ok(())
}

async fn call(port: u16, root: &str, protocol: &str, task: &[&str]) -> Outcome<()> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from(std::fs::read(root)?))?;
    let mut tls = rustls::ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = protocols(protocol);
    let mut endpoint = Endpoint::client(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    endpoint.set_default_client_config(ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?)));
    let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let connection = endpoint.connect(server, "localhost")?.await?;
    agreed(&connection, protocol)?;
    let (send, receive) = connection.open_bi().await?;
    work(send, receive, task).await?;
    connection.close(0u32.into(), b"");
    endpoint.wait_idle().await;
    Ok(())
}

/// The handshake has given the protocol that was asked for, or none.
fn agreed(connection: &Connection, protocol: &str) -> Outcome<()> {
    let data = connection
        .handshake_data()
        .and_then(|data| data.downcast::<HandshakeData>().ok());
    let got = data.and_then(|data| data.protocol);
    if got != protocols(protocol).pop() {
        return Err(format!("the protocol is {got:?}").into());
    }
    Ok(())
}

async fn work(send: SendStream, receive: RecvStream, task: &[&str]) -> Outcome<()> {
    match task {
        ["echo"] => echo(send, receive).await,
        ["send", bytes] => send_and_compare(send, receive, bytes.parse()?).await,
        ["script", file] => script(send, receive, &std::fs::read_to_string(file)?).await,
        _ => Err("which task?".into()),
    }
}

async fn echo(mut send: SendStream, mut receive: RecvStream) -> Outcome<()> {
    let mut buffer = vec![0; CHUNK];
    while let Some(count) = receive.read(&mut buffer).await? {
        send.write_all(&buffer[..count]).await?;
    }
    Ok(send.finish()?)
}

async fn send_and_compare(mut send: SendStream, mut receive: RecvStream, bytes: usize) -> Outcome<()> {
    let body: Vec<u8> = (0..bytes as u32)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let sent = body.clone();
    let sending = tokio::spawn(async move {
        send.write_all(&sent).await.map_err(|error| error.to_string())?;
        send.finish().map_err(|error| error.to_string())
    });
    let back = receive.read_to_end(bytes + 1).await?;
    sending.await??;
    if back != body {
        return Err(format!("{} bytes of {bytes} came back, or other ones", back.len()).into());
    }
    Ok(())
}

async fn script(mut send: SendStream, mut receive: RecvStream, lines: &str) -> Outcome<()> {
    for (number, line) in lines.lines().enumerate() {
        let (direction, hex) = line.split_once(' ').ok_or("a line is a direction and hex")?;
        let bytes = from_hex(hex)?;
        if direction == ">" {
            send.write_all(&bytes).await?;
            continue;
        }
        let mut got = vec![0; bytes.len()];
        receive.read_exact(&mut got).await?;
        if got != bytes {
            return Err(format!("line {}: expected {hex}, got {}", number + 1, to_hex(&got)).into());
        }
    }
    send.finish()?;
    // Nothing but the end comes behind the last line.
    receive.read_to_end(0).await?;
    Ok(())
}

fn from_hex(text: &str) -> Outcome<Vec<u8>> {
    let pairs = (0..text.len()).step_by(2);
    Ok(pairs
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16))
        .collect::<Result<_, _>>()?)
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
