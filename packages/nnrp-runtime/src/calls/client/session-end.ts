import { background, NO_OWNER } from '../../base/guard.js';
import { leave } from '../../base/leave.js';
import type { NnrpClientSession } from '../../client/session/client-session.js';

type Watched = Pick<NnrpClientSession, 'submit'> & { readonly events?: NnrpClientSession['events'] };

/** The session that a `next` sends in, for interceptors of this package. One that an application has put around it is not known. */
const sessions = new WeakMap<object, Watched>();

export function sendsIn<Next extends object>(next: Next, session: Watched): Next {
  sessions.set(next, session);
  return next;
}

/**
 * Calls `ended` when the session has ended that a `next` sends in, later in any case. Where it is not known, never.
 * @returns stops watching
 */
export function whenSessionEnds(next: object, ended: () => void): () => void {
  const session = sessions.get(next);
  // Whatever has a submit may be called; only a session tells of its end.
  if (typeof session?.events !== 'function') return () => {};
  const events = session.events()[Symbol.asyncIterator]();
  const watch = async () => {
    while ((await events.next()).done !== true);
    ended();
  };
  background(NO_OWNER, watch());
  return () => leave(events);
}
