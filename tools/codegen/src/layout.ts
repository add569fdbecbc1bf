import type { Expression } from './expression.js';

/**
 * The language-neutral description of one wire revision: what the schemas say, resolved and checked, with nothing of
 * YAML before it and nothing of TypeScript after it. It is also written to spec/<revision>/layout.json.
 */
export interface Layout {
  readonly revision: string;
  /** The layout that this one is laid over; not written to layout.json. */
  readonly base?: Layout;
  readonly enums: readonly EnumLayout[];
  readonly flagSets: readonly EnumLayout[];
  readonly structs: readonly StructLayout[];
  readonly messages: readonly MessageLayout[];
}

export interface EnumLayout {
  readonly id: string;
  readonly values: readonly NamedValue[];
}

export interface NamedValue {
  readonly value: number;
  readonly id: string;
  readonly doc: string;
  readonly docRef: string;
}

export interface StructLayout {
  /** snake_case, also the schema's file name. */
  readonly id: string;
  /** Folder of the schema below that of the revision; absent when there is none in between. */
  readonly folder?: string;
  /** Revision in whose folder the schema lies; absent when it is this one. */
  readonly from?: string;
  /** The name of the specification, such as SESSION_OPEN. */
  readonly wireName: string;
  readonly doc: string;
  readonly docRef: string;
  readonly bytes: number;
  readonly fields: readonly FieldLayout[];
  /** In the order in which faults are reported. */
  readonly checks: readonly CheckLayout[];
}

export type FieldType = 'u8' | 'u16' | 'u32' | 'u64' | 'i16';

export interface FieldLayout {
  readonly id: string;
  readonly offset: number;
  readonly type: FieldType;
  /** value: part of the decoded structure; reserved and magic are written and checked, never handed out. */
  readonly role: 'value' | 'reserved' | 'magic';
  /** Bytes of the magic, as written on the wire. */
  readonly contents?: string;
  readonly enum?: string;
  /** True where other values than those of the enum are refused. */
  readonly closed?: boolean;
  readonly flags?: string;
  readonly doc: string;
  readonly docRef: string;
}

export type CheckLayout =
  | { readonly kind: 'magic'; readonly field: string; readonly fault: string }
  | { readonly kind: 'constant'; readonly field: string; readonly value: number; readonly fault: string }
  | { readonly kind: 'zero'; readonly name: string; readonly fields: readonly string[] }
  | { readonly kind: 'mask'; readonly field: string; readonly allowed: number }
  | { readonly kind: 'enum'; readonly field: string; readonly enum: string; readonly fault: string }
  | { readonly kind: 'rule'; readonly rule: string; readonly accepted: Expression };

export interface MessageLayout {
  readonly code: number;
  readonly id: string;
  readonly doc: string;
  readonly docRef: string;
  readonly direction: 'client_to_server' | 'server_to_client' | 'both';
  /** Structure id of the metadata; absent when the message has none. */
  readonly metadata?: string;
  readonly metadataBytes: number;
  /** What the header's session_id and frame_id must be. */
  readonly sessionId: 'zero' | 'required' | 'any';
  readonly frameId: 'zero' | 'required' | 'any';
  readonly body: 'any' | 'none';
  /** Rule that refuses any metadata or body, on messages that are a header and nothing else. */
  readonly headerOnlyRule?: string;
  /** Fields of the metadata whose sum is the length of the body; absent when nothing announces it. */
  readonly bodyLengths?: readonly BodyLength[];
  /** Rule that refuses metadata on a message that may have a body. */
  readonly noMetadataRule?: string;
}

/** A field of the metadata that announces a part of the body. */
export interface BodyLength {
  /** As it stands in faults, such as cache_put.object_bytes. */
  readonly field: string;
  readonly offset: number;
}

export const FIELD_BYTES: Readonly<Record<FieldType, number>> = { u8: 1, u16: 2, u32: 4, u64: 8, i16: 2 };
