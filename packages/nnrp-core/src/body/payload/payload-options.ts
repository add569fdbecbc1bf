import type { StreamSemantics } from '../../generated/preview3/enums.js';

/** How a payload is described; what is left out has its default. */
export interface PayloadOptions {
  /** The last payload of its stream; default false. */
  readonly terminal?: boolean | undefined;
  /** A part, more of which follows. Default: true for tokens that are not terminal, else false. */
  readonly partial?: boolean | undefined;
  /**
   * Schema that says what the bytes mean, both u32, the id not 0. Default: the token-delta schema for tokens, none for
   * all else. The other side must know the schema.
   */
  readonly schema?: { readonly schemaId: number; readonly schemaVersion: number } | undefined;
  /** How payloads of the stream add up. Default: append for tokens, tool_update for tools, event for events. */
  readonly streamSemantics?: StreamSemantics | undefined;
}

export const PAYLOAD_OPTIONS: readonly string[] = ['terminal', 'partial', 'schema', 'streamSemantics'];
