import type { FlowFields } from 'nnrp-core';
import type { ClientOperation } from '../results/client-operation.js';

/** What a session tells the server about its flow; see FlowFields of nnrp-core. */
export interface SessionFlow extends FlowFields {
  /** The operation concerned; left out, the whole session. */
  readonly operation?: ClientOperation | undefined;
}
