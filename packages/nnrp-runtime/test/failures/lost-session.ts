import { RecoveryServer } from '../client/recovery/recovery-server.js';
import { eventually } from '../support/eventually.js';
import { failureOf } from './failure-stage.js';

/** How an operation fails whose session is lost. @param submit - before or after the loss */
export async function lostSession(submit: 'sent' | 'not sent'): Promise<unknown> {
  const server = await RecoveryServer.start();
  server.windowMs = 50;
  const { client, session, known } = await server.session();
  const sent = failureOf(session.submitNow('sent'));
  await eventually(() => server.submits(known).length === 1, 'the submit has come');
  const suspended = new Promise((resolve) => client.once('suspended', resolve));
  server.isUnreachable = true;
  server.cut();
  await suspended;
  const unsent = failureOf(session.submitNow('not sent'));
  const failures = await Promise.all([sent, unsent]);
  await RecoveryServer.clear();
  return failures[submit === 'sent' ? 0 : 1];
}
