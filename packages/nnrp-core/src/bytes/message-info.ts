import type { WireRule } from '../faults/fault.js';

/** What a header identifier must be: zero, anything but zero, or anything. */
export type IdentifierRule = 'zero' | 'required' | 'any';

/** A u32 of the metadata that announces a part of the body. */
export interface BodyLengthField {
  /** As it stands in faults, such as cache_put.object_bytes. */
  readonly field: string;
  /** Bytes from the start of the metadata. */
  readonly offset: number;
}

/** One row of a revision's message table. */
export interface MessageInfo {
  /** The message_type byte. */
  readonly code: number;
  /** Name on the wire, such as SESSION_OPEN. */
  readonly name: string;
  readonly direction: 'client_to_server' | 'server_to_client' | 'both';
  /** Wire name of the metadata structure; absent when the message has no metadata. */
  readonly metadata?: string;
  /** Exact length of the metadata in bytes. */
  readonly metadataBytes: number;
  /** Checks the metadata without throwing; the index of the first broken rule in `metadataRules`, or -1. */
  readonly checkMetadata?: (view: DataView, start: number) => number;
  readonly metadataRules?: readonly WireRule[];
  /** True when the packet is its header and nothing else. */
  readonly headerOnly: boolean;
  readonly sessionId: IdentifierRule;
  readonly frameId: IdentifierRule;
  /** none: a body is refused. */
  readonly body: 'any' | 'none';
  /** Rule that refuses metadata and body of a header-only message, such as CTRL-1. */
  readonly headerOnlyRule?: string;
  /** Rule that refuses metadata of a message that may have a body, such as CTRL-2. */
  readonly noMetadataRule?: string;
  /** Fields whose sum is exactly the length of the body; absent when the metadata announces no length that must hold. */
  readonly bodyLengths?: readonly BodyLengthField[];
}
