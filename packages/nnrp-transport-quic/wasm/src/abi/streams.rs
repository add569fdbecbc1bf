//! The one stream of a connection.

use super::with;
use crate::stream::{End, Refusal};

/// A client opens the stream. @returns 1, or 0 when the peer allows none
#[no_mangle]
pub extern "C" fn open_stream(index: u32) -> u32 {
    with(|module| {
        module
            .engine
            .connection(index as usize)
            .map_or(0, |connection| u32::from(connection.open_stream()))
    })
}

/// Memory for bytes to be written, so that they are copied once. The host fills all of it before `write`.
#[no_mangle]
pub extern "C" fn stage(len: u32) -> *mut u8 {
    with(|module| {
        let mut bytes = vec![0; len as usize];
        let at = bytes.as_mut_ptr();
        module.held.clear();
        module.held.push(module.engine.promises.counted(bytes));
        at
    })
}

/// Writes what was staged. @returns bytes taken; -1 no room, -2 the peer takes no more, -3 the stream is over
#[no_mangle]
pub extern "C" fn write(index: u32) -> i32 {
    with(|module| {
        let Some(bytes) = module.held.pop() else { return 0 };
        let is_full = module.engine.promises.is_full();
        let Some(connection) = module.engine.connection(index as usize) else {
            return -3;
        };
        let Some(stream) = connection.stream.as_mut() else {
            return -3;
        };
        match stream.write(&mut connection.quic, bytes, is_full) {
            Ok(taken) => taken as i32,
            Err(refusal) => refusal_code(refusal),
        }
    })
}

/// @returns 0, or as `write`
#[no_mangle]
pub extern "C" fn finish(index: u32) -> i32 {
    with(|module| {
        let Some(connection) = module.engine.connection(index as usize) else {
            return -3;
        };
        let Some(stream) = connection.stream.as_mut() else {
            return -3;
        };
        stream.finish(&mut connection.quic).map_or_else(refusal_code, |()| 0)
    })
}

/// Gives up sending. For tests of peers that do so.
#[no_mangle]
pub extern "C" fn reset(index: u32, code: u32) {
    with(|module| {
        let Some(connection) = module.engine.connection(index as usize) else {
            return;
        };
        let Some(stream) = connection.stream.as_mut() else {
            return;
        };
        stream.reset(&mut connection.quic, code);
    });
}

/// Gives up reading. For tests of peers that do so.
#[no_mangle]
pub extern "C" fn stop(index: u32, code: u32) {
    with(|module| {
        let Some(connection) = module.engine.connection(index as usize) else {
            return;
        };
        let Some(stream) = connection.stream.as_mut() else {
            return;
        };
        stream.stop(&mut connection.quic, code);
    });
}

fn refusal_code(refusal: Refusal) -> i32 {
    match refusal {
        Refusal::Blocked => -1,
        Refusal::Stopped => -2,
        Refusal::Closed => -3,
    }
}

/// Hands over what has come: `out[0]` pieces, `out[1]` 1 at the end of the stream or 2 when it was reset, then place and
/// bytes of each. They stay until the next call. @returns bytes in all
#[no_mangle]
pub extern "C" fn read(index: u32, max: u32, now: f64) -> u32 {
    with(|module| {
        module.held.clear();
        module.out[0] = 0;
        module.out[1] = 0;
        let now = module.engine.time(now);
        let Some(connection) = module.engine.connection(index as usize) else {
            return 0;
        };
        let Some(stream) = connection.stream.as_mut() else {
            return 0;
        };
        let end = stream.read(&mut connection.quic, now, max as usize, &mut module.held);
        let mut total = 0;
        for (place, piece) in module.held.iter().enumerate() {
            module.out[2 + 2 * place] = piece.as_ptr() as u32;
            module.out[3 + 2 * place] = piece.len() as u32;
            total += piece.len() as u32;
        }
        module.out[0] = module.held.len() as u32;
        module.out[1] = match end {
            End::Not => 0,
            End::Finished => 1,
            End::Reset => 2,
        };
        total
    })
}
