import type { Guarded } from '../../base/guard.js';
import type { ServerBounds } from '../contract/server-bounds.js';
import type { HandlerStuck } from '../contract/server-events.js';
import type { MessageHandlersOwner } from './message-handlers.js';

/** What running handlers needs of its server. */
export interface HandlerServiceOwner extends MessageHandlersOwner, Guarded {
  readonly bounds: ServerBounds;
  /** Those that are open. */
  readonly connections: Iterable<{ readonly origin: object }>;
  handlerStuck(stuck: HandlerStuck): void;
}
