import type { WireFault } from 'nnrp-core';
import type { MetadataCodec } from '../sending/outbound-message.js';

/**
 * Which operation a message is about: one that its metadata names and whose frame is in the header; the same, or the session with 0
 * and 0; none; for a trace context either, by the frame alone.
 */
export type ControlBinding = 'operation' | 'operation_or_session' | 'session' | 'frame';

/** One message of preview4: how it is read, written and judged. */
export interface ControlKind<Type extends string = string, M extends object = object> {
  /** As events call it. */
  readonly type: Type;
  readonly messageType: number;
  readonly codec: MetadataCodec<M>;
  readonly decode: (view: DataView, start: number) => M;
  /** What is sent where nothing is given. */
  readonly defaults: M;
  readonly binding: ControlBinding;
  /** The field that names the operation; absent where none does. */
  readonly operation?: keyof M & string;
  /** The field with the length of the body. */
  readonly length?: keyof M & string;
  /** Rules over the metadata for receivers and senders. */
  readonly judge?: (metadata: M) => WireFault | undefined;
}
