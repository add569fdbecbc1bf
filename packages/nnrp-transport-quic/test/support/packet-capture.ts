import type { Direction } from './udp-proxy.js';

const MAX_KEPT = 200;

/** Packets as they were on the wire, by kind: to the server unless said otherwise. */
export class PacketCapture {
  /** Whole datagrams that begin with an Initial packet. */
  readonly initials: Buffer[] = [];
  /** Single packets, cut out of their datagrams. */
  readonly handshakes: Buffer[] = [];
  readonly oneRtt: Buffer[] = [];
  /** Whole datagrams that the server has sent. */
  readonly fromServer: Buffer[] = [];

  /** As the filter of a proxy: notes the datagram, and lets it pass. */
  readonly note = (datagram: Buffer, direction: Direction): boolean => {
    if (direction === 'to-client') keep(this.fromServer, datagram);
    else for (const packet of packetsOf(datagram)) this.sort(packet, datagram);
    return true;
  };

  private sort(packet: Buffer, datagram: Buffer): void {
    const first = packet[0] as number;
    // Neither: what fills a datagram up.
    if ((first & 0xc0) === 0) return;
    if ((first & 0x80) === 0) keep(this.oneRtt, packet);
    else if ((first & 0x30) === 0x20) keep(this.handshakes, packet);
    else if ((first & 0x30) === 0) keep(this.initials, datagram);
  }
}

function keep(list: Buffer[], bytes: Buffer): void {
  if (list.length < MAX_KEPT) list.push(Buffer.from(bytes));
}

/** The packets of one datagram. @see RFC 9000 section 12.2 */
function packetsOf(datagram: Buffer): Buffer[] {
  const packets: Buffer[] = [];
  let rest = datagram;
  while (rest.length > 0) {
    const bytes = ((rest[0] as number) & 0x80) === 0 ? rest.length : longPacketBytes(rest);
    packets.push(rest.subarray(0, bytes));
    rest = rest.subarray(bytes);
  }
  return packets;
}

function longPacketBytes(packet: Buffer): number {
  let at = 5;
  // Both ids.
  for (let ids = 0; ids < 2; ids++) at += 1 + (packet[at] as number);
  const isInitial = ((packet[0] as number) & 0x30) === 0;
  if (isInitial) {
    const token = readVarint(packet, at);
    at += token.bytes + token.value;
  }
  const length = readVarint(packet, at);
  return at + length.bytes + length.value;
}

/** @see RFC 9000 section 16 */
function readVarint(bytes: Buffer, at: number): { readonly value: number; readonly bytes: number } {
  const first = bytes[at] as number;
  const count = 1 << (first >> 6);
  let value = first & 0x3f;
  for (let index = 1; index < count; index++) value = value * 256 + (bytes[at + index] as number);
  return { value, bytes: count };
}
