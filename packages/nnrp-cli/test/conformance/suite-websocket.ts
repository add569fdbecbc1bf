import { randomBytes } from 'node:crypto';
import { createConnection } from 'node:net';
import type { Line } from './suite-wire.js';

/** The client's half of RFC 6455, as far as one binary message for each packet needs it: no subprotocol, no extensions. */
export function connectWebSocket(port: number, path: string): Promise<Line> {
  const socket = createConnection({ port, host: '127.0.0.1', noDelay: true });
  let held = Buffer.alloc(0);
  let told: ((bytes: Buffer) => void) | undefined;
  const frames = () => {
    while (told !== undefined && held.length >= 2) {
      const short = held.readUInt8(1);
      if (short >= 126 && held.length < 4) return;
      const [size, at] = short < 126 ? [short, 2] : [held.readUInt16BE(2), 4];
      if (held.length < at + size) return;
      const payload = Buffer.from(held.subarray(at, at + size));
      const isBinary = (held.readUInt8(0) & 0x0f) === 2;
      held = held.subarray(at + size);
      if (isBinary) told(payload);
    }
  };
  const line: Line = {
    send(bytes) {
      const mask = randomBytes(4);
      const length = bytes.length < 126 ? [0x80 | bytes.length] : [0xfe, bytes.length >> 8, bytes.length & 0xff];
      const masked = Buffer.from(bytes).map((byte, index) => byte ^ mask[index % 4]!);
      socket.write(Buffer.concat([Buffer.from([0x82, ...length]), mask, masked]));
    },
    onBytes(listener) {
      told = listener;
      frames();
    },
    onEnd: (listener) => void socket.on('close', listener),
    end: () => void socket.destroy(),
  };
  const key = randomBytes(16).toString('base64');
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
  );
  return new Promise((resolve, reject) => {
    let isUpgraded = false;
    socket.on('error', reject);
    socket.on('data', (chunk: Buffer) => {
      held = Buffer.concat([held, chunk]);
      const end = held.indexOf('\r\n\r\n');
      if (isUpgraded) return frames();
      if (end < 0) return;
      const head = held.subarray(0, end).toString();
      if (!head.startsWith('HTTP/1.1 101 ')) return reject(new Error(head));
      isUpgraded = true;
      held = held.subarray(end + 4);
      resolve(line);
    });
  });
}
