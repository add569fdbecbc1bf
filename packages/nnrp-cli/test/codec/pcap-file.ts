/** A segment to be captured. */
export interface Sent {
  readonly from: number;
  readonly to: number;
  readonly sequence: number;
  readonly payload?: Buffer;
  readonly flags?: number;
  /** Bytes of the frame that the capture leaves out. */
  readonly cut?: number;
  readonly isIpv6?: boolean;
}

export const SYN = 2;
export const FIN = 1;
const ACK = 16;

/** The frame of a segment on an Ethernet. */
export function ethernet({ from, to, sequence, payload = Buffer.alloc(0), flags = ACK, isIpv6 = false }: Sent): Buffer {
  const tcp = Buffer.alloc(20);
  tcp.writeUInt16BE(from, 0);
  tcp.writeUInt16BE(to, 2);
  tcp.writeUInt32BE(sequence >>> 0, 4);
  tcp[12] = 5 << 4;
  tcp[13] = flags;
  const bytes = tcp.length + payload.length;
  const link = Buffer.alloc(14);
  link.writeUInt16BE(isIpv6 ? 0x86dd : 0x0800, 12);
  const ip = Buffer.alloc(isIpv6 ? 40 : 20);
  if (isIpv6) {
    ip[0] = 0x60;
    ip.writeUInt16BE(bytes, 4);
    ip[6] = 6;
    ip[23] = 1;
    ip[39] = 1;
  } else {
    ip[0] = 0x45;
    ip.writeUInt16BE(20 + bytes, 2);
    ip[9] = 6;
    ip.set([10, 0, 0, 7], 12);
    ip.set([10, 0, 0, 1], 16);
  }
  return Buffer.concat([link, ip, tcp, payload]);
}

function u32(isLittle: boolean, ...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries())
    if (isLittle) bytes.writeUInt32LE(value, index * 4);
    else bytes.writeUInt32BE(value, index * 4);
  return bytes;
}

/** A pcap file of these segments. */
export function pcap(sent: readonly Sent[], isLittle = true): Buffer {
  const version = isLittle ? Buffer.from([2, 0, 4, 0]) : Buffer.from([0, 2, 0, 4]);
  const head = Buffer.concat([u32(isLittle, 0xa1b2c3d4), version, u32(isLittle, 0, 0, 65535, 1)]);
  const records = sent.flatMap((one) => {
    const frame = ethernet(one);
    const kept = frame.subarray(0, frame.length - (one.cut ?? 0));
    return [u32(isLittle, 1_700_000_000, 500_000, kept.length, frame.length), kept];
  });
  return Buffer.concat([head, ...records]);
}

/** A pcapng file of these segments. */
export function pcapng(sent: readonly Sent[], isLittle = true): Buffer {
  const block = (type: number, body: Buffer) => {
    const padded = Buffer.concat([body, Buffer.alloc((4 - (body.length % 4)) % 4)]);
    const length = padded.length + 12;
    return Buffer.concat([u32(isLittle, type, length), padded, u32(isLittle, length)]);
  };
  const linkType = isLittle ? Buffer.from([1, 0, 0, 0]) : Buffer.from([0, 1, 0, 0]);
  const microseconds = 1_700_000_000_500_000;
  const frames = sent.map((one) => {
    const frame = ethernet(one);
    const time = [Math.floor(microseconds / 2 ** 32), microseconds % 2 ** 32];
    return block(6, Buffer.concat([u32(isLittle, 0, ...time, frame.length, frame.length), frame]));
  });
  return Buffer.concat([
    block(0x0a0d0d0a, u32(isLittle, 0x1a2b3c4d, 1, 0xffffffff, 0xffffffff)),
    block(1, Buffer.concat([linkType, u32(isLittle, 65535)])),
    block(5, u32(isLittle, 0, 0, 0)),
    ...frames,
  ]);
}
