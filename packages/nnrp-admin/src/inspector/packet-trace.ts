import diagnostics from 'node:diagnostics_channel';
import { setTimeout as passing } from 'node:timers/promises';
import type { StructCodec } from 'nnrp-core';
import { flagNames } from 'nnrp-core/preview3';
import type { DiagnosticsMessages, NnrpServerSession } from 'nnrp-runtime';
import { SeldomWarning, subscriber } from 'nnrp-runtime/transport';
import { WIRE_TABLES, type WireTables } from './wire-tables.js';

/** How often packets are sent to the page, and how many wait for that at most. */
const EVERY_MS = 100;
const MOST_WAITING = 500;

const FAILED = 'nnrp-admin: a message about a packet could not be read';

/** A packet as people read it: names of the wire. No payload. */
export interface TracedPacket {
  /** By `Date.now`. */
  readonly atMs: number;
  readonly direction: 'received' | 'sent';
  readonly type: string;
  readonly bodyBytes: number;
  readonly header: Fields;
  readonly metadata?: Fields;
}

/** Values by the names of the wire; those of enums and flags have their names behind them. */
export type Fields = Readonly<Record<string, string | number>>;

/** Packets of a session since the last part, and how many there were beyond what is kept. */
export interface TracePart {
  readonly packets: readonly TracedPacket[];
  readonly leftOut: number;
}

interface Waiting {
  readonly atMs: number;
  readonly direction: TracedPacket['direction'];
  readonly head: Uint8Array;
  readonly bodyBytes: number;
}

type PacketMessage = DiagnosticsMessages['nnrp:packet:receive'];

/** The packets of one session from now on, until the signal aborts or the session is over. */
export async function* tracePackets(
  session: NnrpServerSession,
  signal: AbortSignal,
): AsyncGenerator<TracePart, void, void> {
  const { sessionId } = session;
  const tables = WIRE_TABLES[session.revision];
  const header = tables.structs['HEADER'] as StructCodec;
  let waiting: Waiting[] = [];
  let leftOut = 0;
  const failed = new SeldomWarning();
  const take = (direction: TracedPacket['direction'], { connection, head, bodyBytes }: PacketMessage) => {
    // The address tells sessions of other servers and connections apart, before anything is decoded.
    if (connection.role !== 'server' || connection.remoteAddress !== session.remoteAddress) return;
    if (header.decode(viewOf(head), 0)['sessionId'] !== sessionId) return;
    if (waiting.length < MOST_WAITING) waiting.push({ atMs: Date.now(), direction, head, bodyBytes });
    else leftOut++;
  };
  const [received, sent] = (['received', 'sent'] as const).map((direction) =>
    subscriber(FAILED, (message: PacketMessage) => take(direction, message), failed),
  ) as [(message: unknown) => void, (message: unknown) => void];
  diagnostics.subscribe('nnrp:packet:receive', received);
  diagnostics.subscribe('nnrp:packet:send', sent);
  try {
    for (let isOver = false; !isOver; ) {
      isOver = session.endReason !== undefined;
      await passing(EVERY_MS, undefined, { signal });
      if (waiting.length === 0) continue;
      const part = { packets: waiting.map((packet) => traced(packet, tables)), leftOut };
      waiting = [];
      leftOut = 0;
      yield part;
    }
  } finally {
    diagnostics.unsubscribe('nnrp:packet:receive', received);
    diagnostics.unsubscribe('nnrp:packet:send', sent);
  }
}

function traced({ atMs, direction, head, bodyBytes }: Waiting, tables: WireTables): TracedPacket {
  const view = viewOf(head);
  const { wire, structs } = tables;
  const struct = structs['HEADER'] as StructCodec;
  const code = Number(struct.decode(view, 0)['messageType']);
  const info = wire.messageInfo(code);
  const metadata = info?.metadata === undefined ? undefined : structs[info.metadata];
  const type = info?.name ?? `message ${code}`;
  const base = { atMs, direction, type, bodyBytes, header: fieldsOf(struct, view, 0, tables) };
  // Of what has another length the header is all that is known.
  if (metadata === undefined || head.length !== struct.bytes + metadata.bytes) return base;
  return { ...base, metadata: fieldsOf(metadata, view, struct.bytes, tables) };
}

function fieldsOf(struct: StructCodec, view: DataView, start: number, tables: WireTables): Fields {
  try {
    const values = struct.decode(view, start);
    return Object.fromEntries(
      struct.fields.map((field) => [field.name, named(field, values[field.property] ?? 0, tables)]),
    );
  } catch {
    return {};
  }
}

function named(
  { enum: ofEnum, flags }: StructCodec['fields'][number],
  value: number | bigint,
  tables: WireTables,
): string | number {
  if (typeof value === 'bigint') return value.toString();
  const name = ofEnum === undefined ? undefined : tables.enumNames[ofEnum]?.[value];
  if (name !== undefined) return `${name} (${value})`;
  const set = flags === undefined || value === 0 ? [] : flagNames(tables.flagNames[flags] ?? {}, value);
  return set.length === 0 ? value : `${set.join(' | ')} (${value})`;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
