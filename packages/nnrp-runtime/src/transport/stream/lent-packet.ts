import { Packet, UsageError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { asBytes, memoryOf, trueLength } from '../../base/bytes.js';

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

  /** The head as a packet in memory of its own, to report that it was not sent. */
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

/**
 * Another thread may let shared memory grow, and with it a view that has no length of its own, while the body is read: what
 * its head says and what was read are the same if this is so afterwards.
 * @throws UsageError when the length is another one
 */
export function intact(body: Uint8Array, length: number): Uint8Array {
  const lengthNow = trueLength(body);
  if (lengthNow !== length) throw bodyChanged('a message', length, lengthNow);
  return body;
}

/** Copies a body of so many bytes. @throws UsageError when it has another length by now */
export function copyIntact(body: Uint8Array, length: number, target: Uint8Array, at: number): void {
  if (length === 0) return;
  intact(body, length);
  target.set(body, at);
  intact(body, length);
}

/**
 * A body that is to wait, as a view whose length is fixed, and no subclass says otherwise later. Where memory can shrink no
 * view is safe, so it is copied.
 */
export function lent(body: Uint8Array): Uint8Array {
  const isResizable = (memoryOf(body) as { readonly resizable?: boolean }).resizable === true;
  // Shared memory can grow, but never shrink.
  return isResizable ? new Uint8Array(body) : (asBytes(body) as Uint8Array);
}
