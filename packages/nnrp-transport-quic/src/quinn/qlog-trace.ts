import { randomBytes } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { type HostPort, SeldomWarning } from 'nnrp-runtime/transport';
import type { PathFacts } from '../engine.js';

/** The files hold addresses and sizes: only their user may read them. */
const OWNER_ONLY = 0o600;
/** What stands before each record. @see RFC 7464 */
const RECORD = '\u001e';
/** Characters that are kept before they are written, and that one file gets at most. */
const KEPT = 32 * 1024;
const MOST = 64 * 1024 * 1024;

const warning = new SeldomWarning();

/**
 * What happens to one connection as a file of qlog: its datagrams, its path, its beginning and its end. What is in the packets is
 * left to Wireshark.
 *
 * @see draft-ietf-quic-qlog-main-schema
 */
export class QlogTrace {
  private readonly path: string;
  private readonly beganMs = performance.now();
  private lines: string[] = [];
  private length = 0;
  private written = 0;
  /** Connections of strangers get no file before their handshake is complete. */
  private isOpen: boolean;
  private isOver = false;
  private lastPath = '';

  constructor(directory: string, isClient: boolean, peer: HostPort) {
    const startedMs = performance.timeOrigin + this.beganMs;
    const type = isClient ? 'client' : 'server';
    const name = `${new Date(startedMs).toISOString().replace(/[:.]/g, '-')}-${type}-${randomBytes(4).toString('hex')}`;
    this.path = join(directory, `${name}.sqlog`);
    this.isOpen = isClient;
    this.add({
      qlog_format: 'JSON-SEQ',
      qlog_version: '0.3',
      title: 'nnrp-transport-quic',
      trace: {
        vantage_point: { type },
        common_fields: { time_format: 'relative', reference_time: startedMs, protocol_type: ['QUIC'] },
      },
    });
    const remote = isClient ? 'dst' : 'src';
    this.event('connectivity:connection_started', {
      ip_version: peer.host.includes(':') ? 'v6' : 'v4',
      [`${remote}_ip`]: peer.host,
      [`${remote}_port`]: peer.port,
    });
  }

  received(bytes: number): void {
    this.event('transport:datagrams_received', { count: 1, raw: [{ length: bytes }] });
  }

  /** @param total - bytes of a batch. @param segment - of each of its datagrams but the last */
  sent(total: number, segment: number): void {
    const raw: { readonly length: number }[] = [];
    for (let at = 0; at < total; at += segment) raw.push({ length: Math.min(segment, total - at) });
    this.event('transport:datagrams_sent', { count: raw.length, raw });
  }

  /** Told if something has changed. */
  pathIs(facts: PathFacts | undefined): void {
    if (facts === undefined) return;
    const { roundTripMs, congestionWindowBytes, lostPackets, congestionEvents, datagramBytes } = facts;
    const data = {
      smoothed_rtt: Math.round(roundTripMs * 1000) / 1000,
      congestion_window: congestionWindowBytes,
      lost_packets: lostPackets,
      congestion_events: congestionEvents,
      datagram_bytes: datagramBytes,
    };
    const text = JSON.stringify(data);
    if (text === this.lastPath) return;
    this.lastPath = text;
    this.event('recovery:metrics_updated', data);
  }

  connected(alpn: string, cipher: string): void {
    this.isOpen = true;
    this.event('connectivity:connection_state_updated', { new: 'handshake_complete', alpn, cipher });
    this.write();
  }

  /** It ends. Only the first call counts. @param error - absent after an orderly end */
  closed(owner: 'local' | 'remote', error: Error | null | undefined): void {
    if (this.isOver) return;
    this.event('connectivity:connection_closed', { owner, reason: error?.message ?? 'in order' });
    this.isOver = true;
    this.write();
  }

  private event(name: string, data: object): void {
    if (!this.isOver) this.add({ time: Math.round((performance.now() - this.beganMs) * 1000) / 1000, name, data });
  }

  private add(record: object): void {
    if (this.written + this.length > MOST) return;
    const line = `${RECORD}${JSON.stringify(record)}\n`;
    this.lines.push(line);
    this.length += line.length;
    if (this.length < KEPT) return;
    if (this.isOpen) this.write();
    else this.isOver = true;
  }

  /** A file that cannot be written is a warning: the connection does not depend on it. */
  private write(): void {
    if (!this.isOpen || this.lines.length === 0) return;
    try {
      appendFileSync(this.path, this.lines.join(''), { mode: OWNER_ONLY });
    } catch (error) {
      warning.say(`qlogDirectory cannot be written to: ${this.path}`, error);
      this.isOver = true;
    }
    this.written += this.length;
    this.lines = [];
    this.length = 0;
  }
}
