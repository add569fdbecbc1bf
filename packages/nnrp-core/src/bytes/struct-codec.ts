import type { WireRule } from '../faults/fault.js';

/** One field of a structure, as tools need it: wire name, property of the decoded object, place and type. */
export interface StructField {
  /** Name on the wire, such as requested_session_id. */
  readonly name: string;
  /** Property of the decoded object, such as requestedSessionId. */
  readonly property: string;
  readonly type: 'u8' | 'u16' | 'u32' | 'u64' | 'i16';
  /** Bytes from the start of the structure. */
  readonly offset: number;
  /** Enum that names its values. */
  readonly enum?: string;
  /** Flag set that names its bits. */
  readonly flags?: string;
}

/** A structure picked by name at run time: its layout and its codec. */
export interface StructCodec {
  /** Name on the wire, such as SESSION_OPEN. */
  readonly name: string;
  readonly bytes: number;
  /** Fields in wire order, without constants and reserved bytes. */
  readonly fields: readonly StructField[];
  /** What `check` returns an index into. */
  readonly rules: readonly WireRule[];
  check(view: DataView, start?: number): number;
  /** @throws WireError */
  decode(view: DataView, start?: number): Readonly<Record<string, number | bigint>>;
  /** @throws WireError */
  encode(value: Readonly<Record<string, number | bigint>>, view: DataView, start?: number): number;
}
