import type { ServerSession } from '../server-session.js';
import { SessionRouter } from '../session-router.js';
import { RouterOfPreview4 } from './session-router.js';

/** What takes the packets of a session, by the revision that it speaks. */
export function routerOf(session: ServerSession): SessionRouter<ServerSession> {
  return session.dialect.isPreview4 ? new RouterOfPreview4(session) : new SessionRouter(session);
}
