import type { NnrpClient } from '../../src/client/client.js';
import { TicketStage } from '../client/tickets/ticket-stage.js';
import { eventually } from '../support/eventually.js';
import { failureOf } from './failure-stage.js';

async function ticketed(find: (found: Scene) => Promise<unknown>): Promise<unknown> {
  const stage = new TicketStage();
  try {
    const scene = await stage.scene();
    return await find({ ...scene, next: await stage.client(scene.server) });
  } finally {
    await stage.clear();
  }
}

type Scene = Awaited<ReturnType<TicketStage['scene']>> & { readonly next: NnrpClient };

/** How a ticket is refused whose session is over. */
export function refusedTicket(): Promise<unknown> {
  return ticketed(async ({ session, submitted, next }) => {
    const ticket = session.ticket();
    submitted.cancel();
    await session.close();
    return next.resumeSession(ticket).catch((error: unknown) => error);
  });
}

/** How an operation fails whose session another client takes. */
export function takenSession(): Promise<unknown> {
  return ticketed(async ({ session, submitted, next }) => {
    const failure = failureOf(submitted);
    await next.resumeSession(session.ticket());
    return failure;
  });
}

/** How an operation fails whose submit was lost with the client that has made the ticket. */
export function lostSubmit(): Promise<unknown> {
  return ticketed(async ({ server, mortal, session, next }) => {
    mortal.kill();
    await eventually(() => server.suspendedCount === 1, 'the session is suspended');
    const { frameId } = session.submitNow('not sent');
    const { operations } = await next.resumeSession(session.ticket());
    const lost = operations.get(frameId);
    return lost === undefined ? undefined : failureOf(lost);
  });
}

/** How an operation fails whose results have waited unread until the server had let go of them. */
export function lostResults(): Promise<unknown> {
  return ticketed(async ({ mortal, client, session, submitted, work, next }) => {
    await work.push('unread');
    await eventually(() => submitted.toJSON()['waitingResults'] === 1, 'it has come');
    const resumed = new Promise((resolve) => client.once('resumed', resolve));
    mortal.cut();
    await resumed;
    const { operations } = await next.resumeSession(session.ticket());
    const lost = operations.get(submitted.frameId);
    return lost === undefined ? undefined : failureOf(lost);
  });
}
