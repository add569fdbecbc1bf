import type { NnrpClientOptions } from '../../src/client/contract/client-config.js';
import { RecoveryServer, refused } from '../client/recovery/recovery-server.js';
import { eventually } from '../support/eventually.js';
import { failureOf, InFlightPolicy, SessionErrorCode } from './failure-stage.js';

/** How an operation fails whose session is lost. @param submit - before or after the loss */
export async function lostSession(submit: 'sent' | 'not sent'): Promise<unknown> {
  const server = await RecoveryServer.start();
  server.windowMs = 50;
  const { client, session, known } = await server.session();
  const sent = failureOf(session.submitNow('sent'));
  await eventually(() => server.submits(known).length === 1, 'the submit has come');
  // Within the event: a turn later the window may be over.
  const unsent = new Promise((resolve) => {
    client.once('suspended', () => resolve(failureOf(session.submitNow('not sent'))));
  });
  server.isUnreachable = true;
  server.cut();
  const failures = await Promise.all([sent, unsent]);
  await RecoveryServer.clear();
  return failures[submit === 'sent' ? 0 : 1];
}

/** A session with an operation in flight. */
async function busy(config: NnrpClientOptions = {}) {
  const server = await RecoveryServer.start();
  const { client, session, known } = await server.session(config);
  const failure = failureOf(session.submitNow('sent'));
  await eventually(() => server.submits(known).length === 1, 'the submit has come');
  return { server, client, session, failure };
}

/** How an operation fails whose server was started anew. */
export async function forgottenSession(): Promise<unknown> {
  const { server, failure } = await busy();
  server.restart();
  const error = await failure;
  await RecoveryServer.clear();
  return error;
}

/** The same, of a client that resumes nothing. */
export async function droppedSession(): Promise<unknown> {
  const { server, failure } = await busy({ reconnect: 'reopen' });
  server.cut();
  const error = await failure;
  await RecoveryServer.clear();
  return error;
}

/** How a session ends whose server was started anew, and opens no other one. */
export async function refusedAnew(): Promise<unknown> {
  const { server, client, session, failure } = await busy();
  server.refusal = refused(SessionErrorCode.AuthFailed);
  server.restart();
  await failure;
  await client.closed;
  await RecoveryServer.clear();
  return session.endReason;
}

/** How a submit fails that does not wait, while its session is opened again. */
export async function submitWhileReopening(): Promise<unknown> {
  const { server, client, session, failure } = await busy();
  server.answersOpens = false;
  const lost = new Promise((resolve) => client.once('lost', resolve));
  server.restart();
  await Promise.all([lost, failure]);
  const error = await session.submit('more', { onBlocked: 'fail' }).catch((reason: unknown) => reason);
  await RecoveryServer.clear();
  return error;
}

/** How a session fails to open whose server is gone. */
export async function openWhileAway(): Promise<unknown> {
  const { server, client, session } = await busy({ openTimeoutMs: 400, connectTimeoutMs: 100 });
  await session.close({ inFlightPolicy: InFlightPolicy.Abort });
  server.answersOpens = false;
  const opening = client.openSession().catch((reason: unknown) => reason);
  await eventually(() => server.link.opens.length === 2, 'the request has come');
  server.listener.close();
  server.cut();
  const error = await opening;
  await RecoveryServer.clear();
  return error;
}
