import type { Random } from './random.js';
import type { KsyYaml, Schema, SchemaField, SchemaFolder } from './schema.js';
import { StructInputs } from './struct-inputs.js';

/** A message as the enumeration of message types describes it. */
export interface MessageRow {
  readonly code: number;
  /** In capitals, as faults have it. */
  readonly name: string;
  readonly metadata: Schema | undefined;
  readonly mayHaveBody: boolean;
  readonly isHeaderOnly: boolean;
  /** Fields of the metadata that announce the body. */
  readonly bodyLengths: readonly SchemaField[];
}

const HEADER_BYTES = 40;
const MESSAGE_TYPE_AT = 6;
const META_LEN_AT = 12;
const BODY_LEN_AT = 16;
const SESSION_ID_AT = 20;

/** Makes whole packets: every message type with its metadata and a body, mostly with lengths that agree. */
export class PacketInputs {
  readonly messages: readonly MessageRow[];
  private readonly header: StructInputs;
  private readonly metadata: ReadonlyMap<string, StructInputs>;

  constructor(
    folder: SchemaFolder,
    private readonly random: Random,
  ) {
    this.messages = messageRows(folder.yaml.get('nnrp_enums'), folder.structs);
    this.metadata = new Map(folder.structs.map((schema) => [schema.id, new StructInputs(schema, random)]));
    const header = this.metadata.get('common_header');
    if (header === undefined) throw new Error('no schema common_header');
    this.header = header;
  }

  /** The bytes of one packet, in an array of their own. */
  next(): Uint8Array {
    const { random } = this;
    const message = random.pick(this.messages);
    const metadata = message.metadata && this.metadata.get(message.metadata.id)?.fieldAware();
    const metaLength = (metadata?.length ?? 0) + (random.chance(5) ? random.pick([-1, 1, 4, 16]) : 0);
    const bodyLength = random.chance(50) ? 0 : random.below(25);
    if (metadata !== undefined) this.announce(message, metadata, bodyLength);
    const bytes = new Uint8Array(HEADER_BYTES + Math.max(0, metaLength) + bodyLength);
    const view = new DataView(bytes.buffer);
    bytes.set(this.header.fieldAware());
    if (metadata !== undefined) bytes.set(metadata.subarray(0, Math.max(0, metaLength)), HEADER_BYTES);
    for (let at = bytes.length - bodyLength; at < bytes.length; at++) bytes[at] = random.below(256);
    if (!random.chance(3)) view.setUint8(MESSAGE_TYPE_AT, message.code);
    view.setUint32(META_LEN_AT, random.chance(3) ? random.u32() : Math.max(0, metaLength), true);
    view.setUint32(BODY_LEN_AT, random.chance(3) ? random.pick([0xffffffff, 0, bodyLength + 1]) : bodyLength, true);
    if (random.chance(30)) view.setUint32(SESSION_ID_AT, 0, true);
    if (random.chance(10)) this.flip(bytes);
    return this.resized(bytes);
  }

  /** Mostly the lengths of the body that there is; of two, any split. */
  private announce({ bodyLengths }: MessageRow, metadata: Uint8Array, bodyLength: number): void {
    const { random } = this;
    if (random.chance(10)) return;
    let left = bodyLength + (random.chance(5) ? random.pick([-1, 1]) : 0);
    const view = new DataView(metadata.buffer, metadata.byteOffset);
    for (const [index, { offset }] of bodyLengths.entries()) {
      const part = index === bodyLengths.length - 1 ? left : random.below(Math.max(1, left + 1));
      view.setUint32(offset, Math.max(0, part), true);
      left -= part;
    }
  }

  private flip(bytes: Uint8Array): void {
    const bit = this.random.below(bytes.length * 8);
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  }

  private resized(bytes: Uint8Array): Uint8Array {
    if (this.random.chance(4)) return bytes.slice(0, this.random.below(bytes.length));
    if (!this.random.chance(3)) return bytes;
    const longer = new Uint8Array(bytes.length + 1 + this.random.below(8));
    longer.set(bytes);
    return longer;
  }
}

function messageRows(enums: KsyYaml | undefined, structs: readonly Schema[]): MessageRow[] {
  return Object.entries(enums?.enums?.['message_type'] ?? {}).map(([code, { id, '-nnrp': row }]) => ({
    code: Number(code),
    name: id.toUpperCase(),
    metadata: structs.find(({ id }) => id === row?.metadata),
    mayHaveBody: row?.body === 'any',
    isHeaderOnly: row?.['header-only'] !== undefined,
    bodyLengths: (row?.['body-lengths'] ?? []).map((id) => fieldNamed(structs, row?.metadata, id)),
  }));
}

function fieldNamed(structs: readonly Schema[], metadata: string | undefined, id: string): SchemaField {
  const field = structs.find((struct) => struct.id === metadata)?.fields.find((candidate) => candidate.id === id);
  if (field === undefined) throw new Error(`${metadata} has no field ${id}`);
  return field;
}
