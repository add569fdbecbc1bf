import type { Guarded } from '../../base/guard.js';
import type { ServerBounds } from '../contract/server-bounds.js';
import type { HandlerFailure, HandlerStuck } from '../contract/server-events.js';

/** What running handlers needs of its server. */
export interface HandlerServiceOwner extends Guarded {
  readonly exposesErrors: boolean;
  readonly bounds: ServerBounds;
  /** Those that are open. */
  readonly connections: Iterable<object>;
  handlerFailed(failure: HandlerFailure): void;
  handlerStuck(stuck: HandlerStuck): void;
}
