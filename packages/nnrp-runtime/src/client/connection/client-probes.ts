import { type NnrpError, type Packet, shownPlain, TransportError, UsageError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { MessageType } from 'nnrp-core/preview3';
import { described } from '../../base/application/described.js';
import { checkOptions } from '../../base/options.js';
import { rejection } from '../../base/promises/settled.js';
import { TRANSPORT_PROBE } from '../../connection/sending/codecs.js';
import type { SessionConnection } from '../../connection/session-endpoint.js';
import { callTimeoutMs } from '../requests/call-options.js';
import { type AnswerReader, PendingRequests, type SendWindow } from '../requests/pending-requests.js';
import { DEFAULT_PROBE_BYTES, PROBE_OPTIONS, type ProbeOptions } from './probe-options.js';

/** Bytes before the padding: header and metadata. */
const HEAD_BYTES = preview3.COMMON_HEADER_BYTES + preview3.TRANSPORT_PROBE_BYTES;

/** What a probe has measured. */
export interface ProbeResult {
  /** From sending to the answer, in microseconds. */
  readonly roundTripUs: number;
  /** When the server received it, in microseconds of the server's clock. */
  readonly serverReceivedAtUs: bigint;
  /** Bytes of the probe on the wire. */
  readonly sentBytes: number;
}

/** What probes need of their connection. */
export interface ProbedConnection extends Pick<SessionConnection, 'send' | 'crashed'> {
  /** Whether there is no connection, and another one is to come. */
  readonly isAway: boolean;
}

const AWAY = 'there is nothing to measure: the connection is lost, and the client connects again';

/** More at once would measure how long they wait for each other; each makes its padding when it is sent. */
const WINDOW: SendWindow = { requests: 16, places: 16, hold: () => {} };

interface Probe {
  readonly probeId: number;
  sentAtMs: number;
  readonly sentBytes: number;
}

/** The probes of one connection that wait for their answers, matched by id. */
export class ClientProbes {
  private readonly pending: PendingRequests<Probe, ProbeResult>;
  private lastId = 0;

  constructor(
    private readonly connection: ProbedConnection,
    reader: AnswerReader,
  ) {
    this.pending = new PendingRequests<Probe, ProbeResult>('TRANSPORT_PROBE', reader, connection, WINDOW, keyOf);
  }

  get isPending(): boolean {
    return this.pending.waiting > 0;
  }

  /** @throws UsageError on an unknown option, a bad timeout, or when the payload is no u32 or does not fit a packet of `maxPacketBytes` */
  send(options: ProbeOptions, limits: ProbeLimits): Promise<ProbeResult> {
    checkOptions('probe options', options, PROBE_OPTIONS);
    const { payloadBytes = DEFAULT_PROBE_BYTES } = options;
    const timeoutMs = callTimeoutMs(options.timeoutMs, limits.requestTimeoutMs);
    const most = limits.maxPacketBytes - HEAD_BYTES;
    if (!Number.isInteger(payloadBytes) || payloadBytes < 0 || payloadBytes > most) {
      throw new UsageError(`payloadBytes takes an integer of 0 to ${most}, got ${shownPlain(payloadBytes)}`);
    }
    if (this.connection.isAway) return rejection(new TransportError(AWAY));
    this.lastId = (this.lastId + 1) >>> 0;
    const probeId = this.lastId;
    const probe = { probeId, sentAtMs: 0, sentBytes: HEAD_BYTES + payloadBytes };
    return this.pending.ask(probe, timeoutMs, () => {
      probe.sentAtMs = performance.now();
      const metadata: preview3.TransportProbe = {
        probeId,
        probePayloadBytes: payloadBytes,
        clientSendTsUs: BigInt(Math.round((performance.timeOrigin + probe.sentAtMs) * 1000)),
      };
      const payload = new Uint8Array(payloadBytes);
      this.connection.send(MessageType.TransportProbe, 0, 0, TRANSPORT_PROBE, metadata, payload);
    });
  }

  /** TRANSPORT_PROBE_ACK. @returns false when no probe waits for it */
  answered(packet: Packet): boolean {
    const ack = preview3.decodeTransportProbeAck(packet.view, packet.metadataStart);
    const key = keyOf(ack);
    const probe = this.pending.first(key);
    if (probe === undefined) return false;
    const roundTripUs = Math.round((performance.now() - probe.sentAtMs) * 1000);
    const { sentBytes } = probe;
    const result = described({ roundTripUs, serverReceivedAtUs: ack.serverRecvTsUs, sentBytes });
    return this.pending.answered(result, key);
  }

  /** The connection that they were to measure is lost. */
  lost(cause: NnrpError): void {
    this.end(new TransportError(AWAY, { cause }));
  }

  /** The server does not serve probes, or the connection is over. */
  end(error: NnrpError): void {
    this.pending.end(error);
  }
}

function keyOf({ probeId }: Pick<Probe, 'probeId'>): string {
  return `probe ${probeId}`;
}

/** What bounds a probe. */
export interface ProbeLimits {
  readonly maxPacketBytes: number;
  readonly requestTimeoutMs: number;
}
