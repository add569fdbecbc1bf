import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';

/** @see RFC 9001 section 5.2 */
const INITIAL_SALT = Buffer.from('38762cf7f55934b34d179ae6a4c80cadccbb7f0a', 'hex');
const HASH_BYTES = 32;
const TAG_BYTES = 16;
const SAMPLE_BYTES = 16;
const NUMBER_BYTES = 4;

/** HKDF-Expand-Label of TLS 1.3 for SHA-256 and at most 32 bytes. */
function expand(secret: Buffer, label: string, bytes: number): Buffer {
  const full = Buffer.from(`tls13 ${label}`);
  const info = Buffer.concat([Buffer.from([0, bytes, full.length]), full, Buffer.from([0, 1])]);
  return createHmac('sha256', secret).update(info).digest().subarray(0, bytes);
}

/** Keys of one direction and one packet number space. */
export class PacketKeys {
  private readonly key: Buffer;
  private readonly iv: Buffer;

  private constructor(
    private readonly secret: Buffer,
    private readonly isInitial: boolean,
    private readonly headerKey: Buffer,
  ) {
    const keyBytes = isInitial ? 16 : 32;
    this.key = expand(secret, 'quic key', keyBytes);
    this.iv = expand(secret, 'quic iv', 12);
  }

  private static of(secret: Buffer, isInitial: boolean): PacketKeys {
    return new PacketKeys(secret, isInitial, expand(secret, 'quic hp', isInitial ? 16 : 32));
  }

  /** Of Initial packets; the suite is always AES-128-GCM. */
  static initial(destinationId: Buffer, from: 'client' | 'server'): PacketKeys {
    const common = createHmac('sha256', INITIAL_SALT).update(destinationId).digest();
    return PacketKeys.of(expand(common, `${from} in`, HASH_BYTES), true);
  }

  /** @param secret - as an end has logged it; the suite has to be ChaCha20-Poly1305, which both ends of ours choose */
  static logged(secret: Buffer): PacketKeys {
    return PacketKeys.of(secret, false);
  }

  /** Those after a key update. */
  next(): PacketKeys {
    return new PacketKeys(expand(this.secret, 'quic ku', HASH_BYTES), false, this.headerKey);
  }

  /** @param header - up to the packet number, whose first byte says that it has four bytes. @returns the packet */
  seal(header: Buffer, number: number, plaintext: Buffer): Buffer {
    const packet = Buffer.alloc(header.length + NUMBER_BYTES + plaintext.length + TAG_BYTES);
    const body = header.length + NUMBER_BYTES;
    header.copy(packet);
    packet.writeUInt32BE(number >>> 0, header.length);
    const name = this.isInitial ? 'aes-128-gcm' : 'chacha20-poly1305';
    const options = { authTagLength: TAG_BYTES };
    const cipher = createCipheriv(name as 'chacha20-poly1305', this.key, this.nonce(number), options);
    cipher.setAAD(packet.subarray(0, body), { plaintextLength: plaintext.length });
    cipher.update(plaintext).copy(packet, body);
    cipher.final();
    cipher.getAuthTag().copy(packet, body + plaintext.length);
    this.mask(packet, header.length, NUMBER_BYTES);
    return packet;
  }

  /** @param numberAt - where its number is. @returns what is inside of a packet that has been sealed with the same keys */
  open(packet: Buffer, numberAt: number): Buffer {
    const plain = Buffer.from(packet);
    const mask = this.maskOf(plain, numberAt);
    plain[0] = (plain[0] as number) ^ ((mask[0] as number) & ((plain[0] as number) & 0x80 ? 0x0f : 0x1f));
    const numberBytes = 1 + ((plain[0] as number) & 3);
    for (let at = 0; at < numberBytes; at++)
      plain[numberAt + at] = (plain[numberAt + at] as number) ^ (mask[1 + at] as number);
    const body = numberAt + numberBytes;
    const number = plain.readUIntBE(numberAt, numberBytes);
    const name = this.isInitial ? 'aes-128-gcm' : 'chacha20-poly1305';
    const options = { authTagLength: TAG_BYTES };
    const decipher = createDecipheriv(name as 'chacha20-poly1305', this.key, this.nonce(number), options);
    const end = plain.length - TAG_BYTES;
    decipher.setAuthTag(plain.subarray(end));
    decipher.setAAD(plain.subarray(0, body), { plaintextLength: end - body });
    const opened = decipher.update(plain.subarray(body, end));
    decipher.final();
    return opened;
  }

  private nonce(number: number): Buffer {
    const nonce = Buffer.from(this.iv);
    nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ number) >>> 0, 8);
    return nonce;
  }

  private mask(packet: Buffer, numberAt: number, numberBytes: number): void {
    const mask = this.maskOf(packet, numberAt);
    packet[0] = (packet[0] as number) ^ ((mask[0] as number) & ((packet[0] as number) & 0x80 ? 0x0f : 0x1f));
    for (let at = 0; at < numberBytes; at++)
      packet[numberAt + at] = (packet[numberAt + at] as number) ^ (mask[1 + at] as number);
  }

  /** @see RFC 9001 section 5.4 */
  private maskOf(packet: Buffer, numberAt: number): Buffer {
    const sample = packet.subarray(numberAt + NUMBER_BYTES, numberAt + NUMBER_BYTES + SAMPLE_BYTES);
    if (this.isInitial) return createCipheriv('aes-128-ecb', this.headerKey, null).update(sample);
    return createCipheriv('chacha20', this.headerKey, sample).update(Buffer.alloc(5));
  }
}

/** The secrets that an end has logged, by their names. */
export class Secrets {
  private readonly found = new Map<string, Buffer>();

  readonly note = (lines: Uint8Array): void => {
    for (const line of Buffer.from(lines).toString().trim().split('\n')) {
      const [name, , secret] = line.split(' ');
      this.found.set(name as string, Buffer.from(secret as string, 'hex'));
    }
  };

  /** @throws Error when none has been logged */
  keys(name: string): PacketKeys {
    const secret = this.found.get(name);
    if (secret === undefined) throw new Error(`no ${name} among ${[...this.found.keys()].join(', ')}`);
    return PacketKeys.logged(secret);
  }
}
