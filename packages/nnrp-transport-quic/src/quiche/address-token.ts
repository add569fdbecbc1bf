import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** Milliseconds that a client has to come back with its token. */
const LIFETIME_MS = 30_000;
const MAC_BYTES = 16;
const TIME_BYTES = 6;

/**
 * Makes and reads the tokens of Retry packets: proof that a client receives at the address it sends from. The id that
 * the client had chosen comes back with it, so the server remembers nothing meanwhile.
 *
 * @see RFC 9000 section 8.1
 */
export class AddressTokens {
  private readonly secret = randomBytes(32);

  /**
   * @param originalDcid - the destination id of the client's first packet; 8 to 20 bytes
   * @param newScid - the id that the client is to use now
   */
  issue(address: string, port: number, originalDcid: Uint8Array, newScid: Uint8Array, nowMs: number): Uint8Array {
    const token = Buffer.alloc(TIME_BYTES + originalDcid.length + MAC_BYTES);
    token.writeUIntBE(nowMs + LIFETIME_MS, 0, TIME_BYTES);
    token.set(originalDcid, TIME_BYTES);
    const signed = token.subarray(0, token.length - MAC_BYTES);
    token.set(this.mac(address, port, newScid, signed), signed.length);
    return token;
  }

  /**
   * The id that a token was issued for; undefined when it is not ours, for another address or id, or too old.
   *
   * @param dcid - the id that the client uses now
   */
  originalDcid(
    token: Uint8Array,
    address: string,
    port: number,
    dcid: Uint8Array,
    nowMs: number,
  ): Uint8Array | undefined {
    if (token.length < TIME_BYTES + MAC_BYTES) return undefined;
    const bytes = Buffer.from(token.buffer, token.byteOffset, token.byteLength);
    const signed = bytes.subarray(0, bytes.length - MAC_BYTES);
    if (!timingSafeEqual(this.mac(address, port, dcid, signed), bytes.subarray(signed.length))) return undefined;
    if (signed.readUIntBE(0, TIME_BYTES) < nowMs) return undefined;
    return signed.subarray(TIME_BYTES);
  }

  private mac(address: string, port: number, id: Uint8Array, signed: Uint8Array): Buffer {
    const digest = createHmac('sha256', this.secret).update(`${address}\n${port}\n`).update(id).update(signed).digest();
    return digest.subarray(0, MAC_BYTES);
  }
}
