import { expect, it } from 'vitest';
import { LossKind, lossError } from '../../src/quinn/describe-loss.js';

/** Errors of QUIC itself. @see RFC 9000 section 20.1, RFC 9001 section 6.6 */
const LAST_CODE = 0x10;

it.each(Array.from({ length: LAST_CODE }, (_, at) => at + 1))('error %i of QUIC is told in words', (code) => {
  const number = `(QUIC error 0x${code.toString(16)})`;
  for (const kind of [LossKind.OwnQuic, LossKind.PeersQuic]) {
    const { message } = lossError({ kind, code, text: '' }, 'the peer has ended the connection');
    expect(message).toContain(number);
    expect(message).not.toContain(`closed ${number}`);
  }
});
