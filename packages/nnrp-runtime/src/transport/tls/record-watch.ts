import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { aside, type Guarded, listen } from '../../base/guard.js';

const LOOK_MS = 500;
/** Bytes without data that a peer may send between two looks: some 5000 key updates, which take about 35 ms. */
const FREE_BYTES = 128 * 1024;
/** Bytes on the wire for each byte of data: a packet of 40 bytes fits into a record that is padded to 512. */
const BYTES_PER_BYTE = 16;

interface Watched {
  /** What TLS is spoken over: its bytes are those on the wire. */
  readonly connection: Socket;
  readonly socket: TLSSocket;
  wireBytes: number;
  dataBytes: number;
}

/**
 * Cuts peers that send records of TLS without data, of which nobody else hears anything: some 150,000 key updates a second
 * take a whole processor, with 4 MB. What counts is what has come on the wire and not as data.
 */
export class RecordWatch {
  private readonly watched = new Set<Watched>();
  private isOn = false;

  constructor(private readonly owner: Guarded) {}

  /** The handshake is complete. */
  add(connection: Socket, socket: TLSSocket): void {
    // Elsewhere these figures may count something else.
    if ('Bun' in globalThis || 'Deno' in globalThis) return;
    const watched = { connection, socket, wireBytes: connection.bytesRead, dataBytes: socket.bytesRead };
    this.watched.add(watched);
    listen(this.owner, socket, 'close', () => this.watched.delete(watched));
    this.lookSoon();
  }

  private lookSoon(): void {
    if (this.isOn || this.watched.size === 0) return;
    this.isOn = true;
    aside(this.owner, LOOK_MS, () => {
      this.isOn = false;
      for (const watched of this.watched) this.look(watched);
      this.lookSoon();
    });
  }

  private look(watched: Watched): void {
    const { connection, socket } = watched;
    const { bytesRead: wireBytes } = connection;
    const { bytesRead: dataBytes } = socket;
    const emptyBytes = wireBytes - watched.wireBytes - BYTES_PER_BYTE * (dataBytes - watched.dataBytes);
    watched.wireBytes = wireBytes;
    watched.dataBytes = dataBytes;
    if (emptyBytes <= FREE_BYTES) return;
    this.watched.delete(watched);
    socket.destroy(
      new Error(`the peer floods with records of TLS that carry no data, ${emptyBytes} bytes since the last look`),
    );
  }
}
