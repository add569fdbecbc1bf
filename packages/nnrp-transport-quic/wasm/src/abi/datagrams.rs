//! Datagrams in and out, with the connections that they begin, and the time.

use super::with;
use crate::engine::Received;
use bytes::Bytes;

/// Name of the server in `io`, its address in `out`. @returns the connection, or -1 with `out[0]` bytes of text in `io`
#[no_mangle]
pub extern "C" fn connect(name_len: u32, family: u32, port: u32, now: f64) -> i32 {
    with(|module| {
        let peer = module.peer(family, port);
        let name = String::from_utf8_lossy(&module.io[..name_len as usize]).into_owned();
        let now = module.engine.time(now);
        match module.engine.connect(now, peer, &name) {
            Ok(index) => index as i32,
            Err(text) => module.result(Err(text)),
        }
    })
}

/// A datagram is in `rx`, its sender's address in `out`.
///
/// @returns the connection it was for; -1 when it is dealt with, and -2 for a newcomer, about whom the host decides by
/// `accept` or `retry`, or not at all. `out[0]` bytes of an answer, `out[8]` where it is, `out[1]` 1 when a newcomer has
/// proved its address, `out[2]` 1 when it can be asked to
#[no_mangle]
pub extern "C" fn receive(len: u32, family: u32, port: u32, now: f64) -> i32 {
    with(|module| {
        let peer = module.peer(family, port);
        let now = module.engine.time(now);
        let received = module.engine.receive(now, peer, &module.rx[..len as usize]);
        module.out[0] = module.answer();
        match received {
            Received::Connection(index) => index as i32,
            Received::Nothing => -1,
            Received::Newcomer => {
                let (proved, may_retry) = module.engine.newcomer();
                module.out[1] = u32::from(proved);
                module.out[2] = u32::from(may_retry);
                -2
            }
        }
    })
}

/// @returns bytes of the Retry packet, `out[8]` where it is
#[no_mangle]
pub extern "C" fn retry() -> u32 {
    with(|module| {
        module.engine.retry();
        module.answer()
    })
}

/// @returns the connection; -1 when its handshake has failed at once: `out[4]` bytes of an answer, `out[8]` where it is, and
/// the reason as `lost` has it
#[no_mangle]
pub extern "C" fn accept(now: f64) -> i32 {
    with(|module| {
        let now = module.engine.time(now);
        match module.engine.accept(now) {
            Ok(index) => index as i32,
            Err(loss) => {
                module.explain(&loss);
                module.out[4] = module.answer();
                -1
            }
        }
    })
}

/// @param max - datagrams at most. @returns bytes in all, 0 when there is nothing to send; `out[8]` where they are, `out[9]`
/// bytes of each datagram but the last, `out[0..7]` where to: family, port, words, scope; `out[7]` 1 when the connection is elsewhere
#[no_mangle]
pub extern "C" fn transmit(index: u32, now: f64, max: u32) -> u32 {
    with(|module| {
        let now = module.engine.time(now);
        let Some(sent) = module.engine.transmit(index as usize, now, max as usize) else {
            return 0;
        };
        module.tell(0, sent.to);
        module.answer();
        module.out[7] = u32::from(sent.is_aside);
        module.out[9] = sent.segment as u32;
        sent.bytes as u32
    })
}

/// @returns milliseconds on the clock of `now`; infinite when nothing is due
#[no_mangle]
pub extern "C" fn timeout(index: u32) -> f64 {
    with(|module| {
        let at = module
            .engine
            .connection(index as usize)
            .and_then(|connection| connection.quic.poll_timeout());
        at.map_or(f64::INFINITY, |at| module.engine.ms(at))
    })
}

#[no_mangle]
pub extern "C" fn handle_timeout(index: u32, now: f64) {
    with(|module| {
        let now = module.engine.time(now);
        module.engine.handle_timeout(index as usize, now);
    });
}

/// For the next `connect`: a token that the server has given earlier is in `io`.
#[no_mangle]
pub extern "C" fn use_token(len: u32) {
    with(|module| {
        let token = Bytes::copy_from_slice(&module.io[..len as usize]);
        module.engine.held_token.keep(token);
    });
}

/// The token that the server has given last, and that no `connect` has taken. @returns its bytes, in `io`, taken away; 0 = none
#[no_mangle]
pub extern "C" fn take_token() -> u32 {
    with(|module| {
        let token = module.engine.held_token.take_it();
        token.map_or(0, |token| module.say(&token) as u32)
    })
}
