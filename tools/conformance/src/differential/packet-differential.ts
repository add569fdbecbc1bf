import { isDeepStrictEqual } from 'node:util';
import type { Packet, StructCodec, WireFault } from 'nnrp-core';
import { meaningsOf, thrownFault } from './codec-under-test.js';
import type { OracleParser, Verdict } from './kaitai-oracle.js';
import { type MessageRow, PacketInputs } from './packet-inputs.js';
import { Random } from './random.js';
import type { Schema, SchemaFolder } from './schema.js';
import { withoutStacks } from './stack-traces.js';

export interface PacketDifferentialOptions {
  readonly folder: SchemaFolder;
  readonly oracles: ReadonlyMap<string, OracleParser>;
  readonly structs: Readonly<Record<string, StructCodec>>;
  readonly decode: (bytes: Uint8Array) => Packet;
  readonly seed: number;
  readonly inputs: number;
}

export interface PacketDifferentialResult {
  readonly accepted: number;
  /** How often each kind of fault was reported; combinations count under their rule. */
  readonly refusals: ReadonlyMap<string, number>;
  readonly acceptedTypes: ReadonlySet<number>;
  /** Messages that were refused because they had a body. */
  readonly refusedBodies: ReadonlySet<string>;
  readonly mismatch: string | undefined;
}

const HEADER_BYTES = 40;

/** Runs the packet decoder against the parser made from the packet schema; stops at the first disagreement. */
export function runPacketDifferential(options: PacketDifferentialOptions): PacketDifferentialResult {
  const run = new PacketDifferential(options);
  const source = new PacketInputs(options.folder, new Random(options.seed));
  const mismatch = withoutStacks(() => {
    for (let input = 0; input < options.inputs; input++) {
      const bytes = source.next();
      const problem = run.compare(bytes, source.messages);
      if (problem === undefined) continue;
      return `seed ${options.seed}, input ${input} (${Buffer.from(bytes).toString('hex')}): ${problem}`;
    }
    return undefined;
  });
  const { accepted, refusals, acceptedTypes, refusedBodies } = run;
  return { accepted, refusals, acceptedTypes, refusedBodies, mismatch };
}

class PacketDifferential {
  accepted = 0;
  readonly refusals = new Map<string, number>();
  readonly acceptedTypes = new Set<number>();
  readonly refusedBodies = new Set<string>();

  constructor(private readonly options: PacketDifferentialOptions) {}

  compare(bytes: Uint8Array, messages: readonly MessageRow[]): string | undefined {
    const verdict = this.oracle('nnrp_packet').parse(bytes);
    let packet: Packet | undefined;
    const fault = thrownFault(() => {
      packet = this.options.decode(bytes);
    });
    if (fault instanceof Error) return `decodePacket threw ${fault}`;
    const row = messages.find(({ code }) => code === bytes[6]);
    if (packet !== undefined) {
      if (!verdict.accepted) return `accepted, the oracle refuses at ${verdict.path || 'the end of the bytes'}`;
      this.accepted++;
      this.acceptedTypes.add(packet.messageType);
      return this.compareAccepted(packet, verdict.fields, row);
    }
    if (fault === 'nothing thrown') return 'decodePacket returned nothing';
    return this.compareRefusal(bytes, fault, verdict, row);
  }

  private compareAccepted(
    packet: Packet,
    fields: Readonly<Record<string, unknown>>,
    row: MessageRow | undefined,
  ): string | undefined {
    const header = fields['header'] as Readonly<Record<string, unknown>>;
    for (const name of ['messageType', 'flags', 'sessionId', 'frameId', 'viewId', 'routeId', 'traceId'] as const) {
      if (packet[name] !== header[name]) return `${name} is ${packet[name]}, the oracle reads ${header[name]}`;
    }
    if (packet.metadataLength !== header['metaLen'] || packet.bodyLength !== header['bodyLen']) return 'lengths differ';
    if (Buffer.compare(packet.body, fields['body'] as Uint8Array) !== 0) return 'the bodies differ';
    if (row?.metadata === undefined) return packet.metadataLength === 0 ? undefined : 'metadata where none belongs';
    const decoded = this.codec(row.metadata).decode(packet.view, packet.metadataStart);
    const metadata = fields['metadata'] as Readonly<Record<string, unknown>>;
    const differing = Object.keys(decoded).find((name) => decoded[name] !== metadata[name]);
    return differing && `metadata ${differing} is ${decoded[differing]}, the oracle reads ${metadata[differing]}`;
  }

  private compareRefusal(
    bytes: Uint8Array,
    fault: WireFault,
    verdict: Verdict,
    row: MessageRow | undefined,
  ): string | undefined {
    const key = fault.kind === 'invalid_combination' ? fault.rule : fault.kind;
    this.refusals.set(key, (this.refusals.get(key) ?? 0) + 1);
    if (fault.kind === 'unexpected_body') this.refusedBodies.add(fault.message);
    const shown = JSON.stringify(fault);
    if (verdict.accepted) return `refused with ${shown}, the oracle accepts`;
    return this.isTrue(bytes, fault, verdict.path, row)
      ? undefined
      : `${shown} is wrong, the oracle says ${verdict.path}`;
  }

  /** Whether what a fault says holds for the bytes, by the schemas. */
  private isTrue(bytes: Uint8Array, fault: WireFault, path: string, row: MessageRow | undefined): boolean {
    const schemas = this.options.folder.structs;
    const header = schemas.find(({ id }) => id === 'common_header');
    if (header === undefined) return false;
    if (bytes.length < HEADER_BYTES) return fault.kind === 'source_too_short' && fault.actual === bytes.length;
    const headerFault = this.firstFault(header, bytes);
    if (headerFault !== undefined) return isDeepStrictEqual(fault, headerFault);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const metaLength = view.getUint32(12, true);
    const declared = HEADER_BYTES + metaLength + view.getUint32(16, true);
    if (declared - HEADER_BYTES > 0xffffffff) return fault.kind === 'message_length_overflow' && path === '/seq/1';
    if (declared !== bytes.length) {
      return isDeepStrictEqual(fault, { kind: 'packet_length_mismatch', declared, actual: bytes.length });
    }
    const packetRules = this.options.folder.yaml.get('nnrp_packet')?.seq ?? [];
    const named = packetRules[Number(path.slice('/seq/'.length))];
    const packetRule = named?.['-nnrp']?.rule;
    if (fault.kind === 'invalid_combination' && fault.rule === packetRule) return true;
    const expected = row?.metadata?.bytes ?? 0;
    if (metaLength !== expected) {
      const kind = metaLength < expected ? 'source_too_short' : 'metadata_length_mismatch';
      return named?.id === 'check_meta_len' && isDeepStrictEqual(fault, { kind, expected, actual: metaLength });
    }
    // A body on a message that is its header alone breaks that message's rule instead.
    const actual = view.getUint32(16, true);
    if (actual > 0 && row?.mayHaveBody === false && !row.isHeaderOnly) {
      return isDeepStrictEqual(fault, { kind: 'unexpected_body', message: row.name, actual });
    }
    const metadata = row?.metadata && this.firstFault(row.metadata, bytes.subarray(HEADER_BYTES));
    if (metadata !== undefined) return isDeepStrictEqual(fault, metadata);
    return row !== undefined && row.bodyLengths.length > 0 && this.isLength(fault, row, view, actual);
  }

  /** The metadata is right, and announces another body than came. */
  private isLength(fault: WireFault, row: MessageRow, view: DataView, actual: number): boolean {
    const declared = row.bodyLengths.reduce((sum, { offset }) => sum + view.getUint32(HEADER_BYTES + offset, true), 0);
    const field = row.bodyLengths.at(-1)?.faultName ?? '';
    return (
      declared !== actual && isDeepStrictEqual(fault, { kind: 'declared_length_mismatch', field, declared, actual })
    );
  }

  private firstFault(schema: Schema, bytes: Uint8Array): WireFault | undefined {
    const broken = new Set(this.oracle(schema.id).brokenChecks(bytes));
    const meanings = meaningsOf(schema, this.codec(schema).rules);
    const first = meanings.find(({ fields }) => fields.some((field) => broken.has(field)));
    return first?.fault(new DataView(bytes.buffer, bytes.byteOffset));
  }

  private oracle(id: string): OracleParser {
    const oracle = this.options.oracles.get(id);
    if (oracle === undefined) throw new Error(`no parser for ${id}`);
    return oracle;
  }

  private codec(schema: Schema): StructCodec {
    const codec = this.options.structs[schema.wireName];
    if (codec === undefined) throw new Error(`no codec for ${schema.wireName}`);
    return codec;
  }
}
