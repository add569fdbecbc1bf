import { createCipheriv, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { connect } from 'node:tls';

const CIPHER = 'TLS_AES_128_GCM_SHA256';
const HANDSHAKE = 22;
const DATA = 23;
const KEY_UPDATE = Buffer.from([24, 0, 0, 1, 0]);

/** A client of TLS 1.3 that has shaken hands by node:tls and then makes its records by itself. */
export class RecordPeer {
  private records = 0;

  private constructor(
    readonly connection: Socket,
    private secret: Buffer,
  ) {}

  static async connect(port: number): Promise<RecordPeer> {
    const connection = createConnection({ port, host: '127.0.0.1' });
    const socket = connect({ socket: connection, rejectUnauthorized: false, ciphers: CIPHER, minVersion: 'TLSv1.3' });
    socket.on('error', () => {}).resume();
    let secret = '';
    socket.on('keylog', (line: Buffer) => {
      const [label, , value = ''] = line.toString().trim().split(' ');
      if (label === 'CLIENT_TRAFFIC_SECRET_0') secret = value;
    });
    await once(socket, 'secureConnect');
    // The last bytes of the handshake are written after this event.
    await new Promise((resolve) => setImmediate(resolve));
    return new RecordPeer(
      connection.on('error', () => {}),
      Buffer.from(secret, 'hex'),
    );
  }

  keyUpdates(count: number): Buffer {
    return Buffer.concat(
      Array.from({ length: count }, () => {
        const record = this.record(HANDSHAKE, KEY_UPDATE);
        this.secret = expand(this.secret, 'traffic upd', 32);
        this.records = 0;
        return record;
      }),
    );
  }

  /** @param padding - zeros behind the data, which only the receiver sees */
  data(bytes: Uint8Array, padding = 0): Buffer {
    return this.record(DATA, bytes, padding);
  }

  private record(type: number, bytes: Uint8Array, padding = 0): Buffer {
    const nonce = expand(this.secret, 'iv', 12);
    nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ this.records++) >>> 0, 8);
    const length = bytes.length + 1 + padding + 16;
    const head = Buffer.from([DATA, 3, 3, length >> 8, length & 0xff]);
    const cipher = createCipheriv('aes-128-gcm', expand(this.secret, 'key', 16), nonce).setAAD(head);
    const sealed = cipher.update(Buffer.concat([bytes, Buffer.from([type]), Buffer.alloc(padding)]));
    return Buffer.concat([head, sealed, cipher.final(), cipher.getAuthTag()]);
  }
}

/** HKDF-Expand-Label of RFC 8446, section 7.1, for what fits into one hash. */
function expand(secret: Buffer, label: string, length: number): Buffer {
  const name = `tls13 ${label}`;
  const info = Buffer.from([0, length, name.length, ...Buffer.from(name), 0, 1]);
  return createHmac('sha256', secret).update(info).digest().subarray(0, length);
}
