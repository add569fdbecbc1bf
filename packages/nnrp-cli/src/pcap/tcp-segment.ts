import { formatAddress } from 'nnrp-runtime/transport';
import type { CapturedFrame } from './capture-file.js';

/** A segment of TCP, of one direction. */
export interface TcpSegment {
  /** Such as 10.0.0.7:51000. */
  readonly from: string;
  readonly to: string;
  readonly sequence: number;
  readonly isSyn: boolean;
  /** FIN or RST: nothing follows. */
  readonly isEnd: boolean;
  readonly payload: Buffer;
  /** Bytes of the payload that the capture has left out. */
  readonly cutBytes: number;
}

const IPV4 = 0x0800;
const IPV6 = 0x86dd;
const VLAN = [0x8100, 0x88a8, 0x9100];
const TCP = 6;
/** Extension headers of IPv6 that stand before the one of TCP, and whose length is in their second byte. */
const EXTENSIONS = [0, 43, 60];
const [FIN, SYN, RST] = [1, 2, 4];

/** Offset of the IP packet in a frame, by link type; undefined when there is none, or the link is not known. */
function ipOffset({ linkType, data }: CapturedFrame): number | undefined {
  const typed = (at: number) =>
    data.length > at + 2 && [IPV4, IPV6].includes(data.readUInt16BE(at)) ? at + 2 : undefined;
  switch (linkType) {
    case 1: {
      let at = 12;
      while (data.length > at + 2 && VLAN.includes(data.readUInt16BE(at))) at += 4;
      return typed(at);
    }
    case 0:
    case 108:
      return 4;
    case 12:
    case 14:
    case 101:
    case 228:
    case 229:
      return 0;
    case 113:
      return typed(14);
    case 276:
      return data.length > 20 && typed(0) !== undefined ? 20 : undefined;
    default:
      return undefined;
  }
}

/** The segment in a frame; undefined when it has none. Fragments of IP are none: TCP avoids them. */
export function tcpSegment(frame: CapturedFrame): TcpSegment | undefined {
  const start = ipOffset(frame);
  if (start === undefined) return undefined;
  const ip = frame.data.subarray(start);
  const version = (ip[0] ?? 0) >> 4;
  if (version === 4) return ofIpv4(ip);
  return version === 6 ? ofIpv6(ip) : undefined;
}

function ofIpv4(ip: Buffer): TcpSegment | undefined {
  const headerBytes = ((ip[0] ?? 0) & 15) * 4;
  if (headerBytes < 20 || ip.length < headerBytes || ip[9] !== TCP || (ip.readUInt16BE(6) & 0x3fff) !== 0)
    return undefined;
  // A network card that cuts segments itself is shown them without a length.
  const length = ip.readUInt16BE(2) || ip.length;
  const host = (at: number) => ip.subarray(at, at + 4).join('.');
  return ofTcp(ip.subarray(headerBytes, length), length - headerBytes, host(12), host(16));
}

function ofIpv6(ip: Buffer): TcpSegment | undefined {
  if (ip.length < 40) return undefined;
  let next = ip[6] as number;
  let at = 40;
  const end = 40 + (ip.readUInt16BE(4) || ip.length - 40);
  while (EXTENSIONS.includes(next) && ip.length >= at + 8) {
    next = ip[at] as number;
    at += ((ip[at + 1] as number) + 1) * 8;
  }
  if (next !== TCP) return undefined;
  return ofTcp(ip.subarray(at, end), end - at, ipv6Host(ip.subarray(8, 24)), ipv6Host(ip.subarray(24, 40)));
}

function ipv6Host(bytes: Buffer): string {
  const parts = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16));
  return new URL(`http://[${parts.join(':')}]`).hostname.slice(1, -1);
}

/** @param bytes - of the segment, as the IP header says */
function ofTcp(tcp: Buffer, bytes: number, fromHost: string, toHost: string): TcpSegment | undefined {
  if (tcp.length < 20) return undefined;
  const headerBytes = ((tcp[12] as number) >> 4) * 4;
  if (headerBytes < 20 || tcp.length < headerBytes || bytes < headerBytes) return undefined;
  const flags = tcp[13] as number;
  const payload = tcp.subarray(headerBytes);
  return {
    from: formatAddress(fromHost, tcp.readUInt16BE(0)),
    to: formatAddress(toHost, tcp.readUInt16BE(2)),
    sequence: tcp.readUInt32BE(4),
    isSyn: (flags & SYN) !== 0,
    isEnd: (flags & (FIN | RST)) !== 0,
    payload,
    cutBytes: bytes - headerBytes - payload.length,
  };
}
