import { Packet, UsageError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';

/** Bodies up to this length are copied where they would have to wait; longer ones are lent. */
export const COPY_LIMIT = 16 * 1024;

/** A packet whose body is still the sender's, until it has been written. */
export class LentPacket {
  /** Length of the body when it was lent: what the header says. */
  readonly bodyLength: number;

  constructor(
    /** Header and metadata, in memory of the transport. */
    readonly head: Uint8Array,
    readonly body: Uint8Array,
  ) {
    this.bodyLength = body.length;
  }

  get byteLength(): number {
    return this.head.length + this.bodyLength;
  }

  /** Whether the body can be sent as its header says. */
  get isIntact(): boolean {
    return this.body.length === this.bodyLength;
  }

  /** The head as a packet in memory of its own, for whoever is told that it was not sent. */
  unsentHead(): Packet {
    return unsentHead(this.head, this.bodyLength);
  }
}

/** @param head - header and metadata; copied */
export function unsentHead(head: Uint8Array, bodyLength: number): Packet {
  const bytes = new Uint8Array(head);
  const view = new DataView(bytes.buffer);
  return new Packet(bytes, view, 0, bytes.length - preview3.COMMON_HEADER_BYTES, bodyLength);
}

/** What is said of a body that is not what it was. */
export function changedBody(head: Packet, bytesNow: number): UsageError {
  return bodyChanged(`frame ${head.frameId} of session ${head.sessionId}`, head.bodyLength, bytesNow);
}

/** @param what - whose body it is */
export function bodyChanged(what: string, bytesThen: number, bytesNow: number): UsageError {
  return new UsageError(
    `${what} was not sent: its body had ${bytesThen} bytes when it was handed over and has ${bytesNow} now; ` +
      'send a copy (body.slice()) of what is transferred or resized afterwards',
  );
}

/** A body that is to wait, as a view whose length is fixed. Where memory can shrink no view is safe, so it is copied. */
export function lent(body: Uint8Array): Uint8Array {
  const { buffer } = body as { buffer: { readonly resizable?: boolean; readonly growable?: boolean } };
  if (buffer.resizable === true) return new Uint8Array(body);
  // Shared memory can grow, but never shrink.
  if (buffer.growable === true) return new Uint8Array(body.buffer, body.byteOffset, body.length);
  return body;
}
