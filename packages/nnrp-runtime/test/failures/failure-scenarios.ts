import * as preview3 from 'nnrp-core/preview3';
import { vi } from 'vitest';
import type { ClientOperation } from '../../src/client/results/client-operation.js';
import { SubmitGate } from '../../src/client/submits/submit-gate.js';
import { carrier } from '../support/carrier.js';
import { ScriptedServer } from '../support/scripted-server.js';
import type { Stage } from '../support/stage.js';
import { asked, failureOf, handled, held, onPurpose, policy, refusalBy } from './failure-stage.js';
import {
  droppedSession,
  forgottenSession,
  lostSession,
  openWhileAway,
  refusedAnew,
  submitWhileReopening,
} from './lost-session.js';
import { lostResults, lostSubmit, refusedTicket, takenSession } from './ticket-failures.js';

const {
  CancelScope,
  CloseReason,
  ErrorCode,
  InFlightPolicy,
  MessageType,
  SessionErrorCode,
  SessionStatus,
  TransportId,
} = preview3;

/** What a caller is told, by the failure's name in the table of docs/errors.md. */
export const SCENARIOS: Readonly<Record<string, (stage: Stage) => Promise<unknown>>> = {
  'The deadline passed': async (stage) => {
    const { session } = await held(stage, { deadlines: true });
    return failureOf(await session.submit('x', { deadlineMs: 20 }));
  },

  'The deadline passed, and the server only drops': async () => {
    const server = await ScriptedServer.start();
    const session = await server.open(1);
    const operation = await session.submit('x', { deadlineMs: 20 });
    await server.expect(MessageType.FrameSubmit);
    const failure = failureOf(operation);
    await new Promise((resolve) => setTimeout(resolve, 25));
    server.drop(1, 1);
    return failure;
  },

  'The server cancelled it': async (stage) => {
    const { session, operations } = await held(stage);
    const failure = failureOf(await session.submit('x'));
    const operation = await operations.next();
    operation.session.cancelOperations(CancelScope.Operation, operation.frameId);
    return failure;
  },

  'The handler dropped it': async (stage) => {
    const { session } = await handled(stage, (operation) => operation.drop());
    return failureOf(await session.submit('x'));
  },

  'Dropped, and the server does not say why': async () => {
    const server = await ScriptedServer.start();
    const session = await server.open(1);
    const failure = failureOf(await session.submit('x'));
    await server.expect(MessageType.FrameSubmit);
    server.drop(1, 1);
    return failure;
  },

  'The server shut down before it was done': async (stage) => {
    const { server, session, operations } = await held(stage, { drainTimeoutMs: 20 });
    const failure = failureOf(await session.submit('x'));
    await operations.next();
    await server.close();
    return failure;
  },

  'Submitted while the server shuts down': async (stage) => {
    const { server, session, operations } = await held(stage, { drainTimeoutMs: 1000 });
    await session.submit('keeps the server waiting');
    const operation = await operations.next();
    const closing = server.close();
    const failure = failureOf(session.submitNow('late'));
    await failure;
    await operation.complete('done');
    await closing;
    return failure;
  },

  'Submitted after the server said that it shuts down': async (stage) => {
    const { server, session, operations } = await held(stage, { drainTimeoutMs: 1000 });
    const operation = await session.submit('keeps the server waiting');
    const context = await operations.next();
    const events = session.events();
    const closing = server.close();
    for await (const event of events) if (event.type === 'close') break;
    const failure = session.submit('late').catch((error: unknown) => error);
    await failure;
    await context.complete('done');
    await Promise.all([closing, operation.result()]);
    return failure;
  },

  'More in flight than the server allows': async (stage) => {
    const { session } = await held(stage, { maxInFlightOperations: 1 }, { maxInFlightOperations: 1 });
    // A client of this package keeps to the limit.
    const blockage = vi.spyOn(SubmitGate.prototype, 'blockage').mockReturnValue(undefined);
    session.submitNow('first');
    const failure = failureOf(session.submitNow('one too many'));
    blockage.mockRestore();
    return failure;
  },

  'The server is busy': async (stage) => {
    const limits = { maxConcurrentOperations: 1, maxQueuedOperations: 1 };
    const { session } = await handled(stage, (operation) => operation.finished, { grantedOperationCredit: 4 }, limits);
    const submits = ['runs', 'waits', 'too much'].map((body) => session.submitNow(body));
    return failureOf(submits[2] as ClientOperation);
  },

  'As much of this connection waits as may': async (stage) => {
    const limits = { maxConcurrentOperations: 1, scheduling: { maxQueuedPerConnection: 1 } };
    const { session } = await handled(stage, (operation) => operation.finished, { grantedOperationCredit: 4 }, limits);
    const submits = ['runs', 'waits', 'too much'].map((body) => session.submitNow(body));
    return failureOf(submits[2] as ClientOperation);
  },

  'The handler failed': async (stage) => {
    const { server, session } = await handled(stage, () => Promise.reject(new Error('a secret of the server')));
    server.on('handlerFailure', () => {});
    return failureOf(await session.submit('x'));
  },

  'The handler failed on purpose': async (stage) => {
    const { session } = await handled(stage, () => {
      throw onPurpose();
    });
    return failureOf(await session.submit('x'));
  },

  'The handler of a patch or migration failed': async (stage) => {
    const { server, session } = await asked(stage, () => Promise.reject(new Error('a secret of the server')));
    server.on('handlerFailure', () => {});
    return session.patch({ qualityTier: 1 }).catch((error: unknown) => error);
  },

  'The handler of a patch failed on purpose': async (stage) => {
    const { session } = await asked(stage, () => Promise.reject(onPurpose()));
    return session.patch({ qualityTier: 1 }).catch((error: unknown) => error);
  },

  'The handler of a migration failed on purpose': async (stage) => {
    const { session } = await asked(stage, () => {
      throw onPurpose();
    });
    const request = { ...session.buildMigrationRequest(TransportId.Tcp), oldTransportId: TransportId.Quic };
    return session.migrateTransport(request).catch((error: unknown) => error);
  },

  'The submit breaks a rule': async (stage) => {
    const { session } = await held(stage, { strict: true });
    return failureOf(await session.submit('x', { metadata: { frameClass: 99 } }));
  },

  'The server closed the session': async (stage) => {
    const { session, operations } = await held(stage);
    const failure = failureOf(await session.submit('x'));
    await (await operations.next()).session.close({ drainTimeoutMs: 100 });
    return failure;
  },

  'The client closed the session itself': async (stage) => {
    const { session } = await held(stage);
    const failure = failureOf(await session.submit('x'));
    await session.close({ inFlightPolicy: InFlightPolicy.Abort });
    return failure;
  },

  'The client closed the session itself, and the server only drops': async () => {
    const server = await ScriptedServer.start();
    const session = await server.open(1);
    const failure = failureOf(await session.submit('x'));
    await server.expect(MessageType.FrameSubmit);
    const closed = session.close({ drainTimeoutMs: 0 });
    await server.expect(MessageType.SessionClose);
    server.drop(1, 1);
    server.closeAck(1, preview3.CloseStatus.Closed);
    await closed;
    return failure;
  },

  'The server shuts down, and only drops': async () => {
    const server = await ScriptedServer.start();
    const session = await server.open(1);
    const failure = failureOf(await session.submit('x'));
    await server.expect(MessageType.FrameSubmit);
    server.close(1, { drainTimeoutMs: 1000 });
    server.drop(1, 1);
    return failure;
  },

  'Submitted to a session that is closed': async (stage) => {
    const { session } = await held(stage);
    await session.close();
    return session.submit('late').catch((error: unknown) => error);
  },

  'The client cancelled it': async (stage) => {
    const { session } = await held(stage);
    const operation = await session.submit('x');
    operation.cancel('enough');
    return failureOf(operation);
  },

  'Flow control forbids it': async (stage) => {
    const { session } = await held(stage, { grantedOperationCredit: 1 });
    session.submitNow('x');
    return session.submit('y', { onBlocked: 'fail' }).catch((error: unknown) => error);
  },

  'The connection ended': async () => {
    const server = await ScriptedServer.start();
    const session = await server.open(1);
    const failure = failureOf(await session.submit('x'));
    await server.expect(MessageType.FrameSubmit);
    server.peer.socket.end();
    return failure;
  },

  'The connection ended before the server said anything': async () => {
    const server = await ScriptedServer.start();
    const opened = server.client.openSession().catch((error: unknown) => error);
    await server.expect(MessageType.SessionOpen);
    server.peer.socket.end();
    return opened;
  },

  'The connection was lost, and the session with it': () => lostSession('sent'),

  'The same, and the submit was not sent': () => lostSession('not sent'),

  'The same, and the server does not know the session any more': forgottenSession,

  'The same, of a client that resumes nothing': droppedSession,

  'No other session was opened in its place': refusedAnew,

  'Submitted while another one is opened': submitWhileReopening,

  'A session is asked for while there is no connection': openWhileAway,

  'A ticket is refused': refusedTicket,

  'Another client has taken the session by a ticket': takenSession,

  'The submit was lost with the client of the ticket': lostSubmit,

  'Results were not read before the ticket, and are not kept': lostResults,

  'The connection broke': async () => {
    const server = await ScriptedServer.start();
    const session = await server.open(1);
    const failure = failureOf(await session.submit('x'));
    await server.expect(MessageType.FrameSubmit);
    carrier.reset(server.peer.socket);
    return failure;
  },

  'Nothing listens': async () => {
    const listener = await carrier.listenBare();
    listener.close();
    const connecting = carrier.openClient(listener.address, { connectTimeoutMs: 2000 });
    return connecting.catch((error: unknown) => error);
  },

  'The server gave the connection up': async () => {
    const server = await ScriptedServer.start();
    const session = await server.open(1);
    const failure = failureOf(await session.submit('x'));
    await server.expect(MessageType.FrameSubmit);
    const errorScope = preview3.ErrorScope.Connection;
    server.error(0, 1, { errorScope, errorCode: ErrorCode.InternalError }, 'out of memory');
    return failure;
  },

  'The server broke a rule': async () => {
    const server = await ScriptedServer.start();
    const session = await server.open(1);
    const failure = failureOf(await session.submit('x'));
    await server.expect(MessageType.FrameSubmit);
    server.send(new Uint8Array(64).fill(0xff));
    return failure;
  },

  'No answer in time': async () => {
    const server = await ScriptedServer.start();
    const session = await server.open(1);
    return session.patch({ qualityTier: 1 }, undefined, { timeoutMs: 20 }).catch((error: unknown) => error);
  },

  'The session is refused': async (stage) => {
    return refusalBy(
      stage,
      policy(() => SessionErrorCode.AuthFailed),
    );
  },

  'The session is refused: more in flight than the server allows': (stage) =>
    refusalBy(stage, { maxInFlightOperations: 4 }, { maxInFlightOperations: 16 }),

  'The session is refused: too many sessions': async (stage) => {
    const { client } = await stage.pair({ maxSessions: 1 });
    await client.openSession();
    return client.openSession().catch((error: unknown) => error);
  },

  'The session is refused: too many connections': async (stage) => {
    const { server, client } = await stage.pair({ maxConnections: 1 });
    await client.openSession();
    return (await stage.connect(server)).openSession().catch((error: unknown) => error);
  },

  'The session is refused: too many on the connection': async (stage) => {
    const { client } = await stage.pair({ maxSessionsPerConnection: 1 });
    await client.openSession();
    return client.openSession().catch((error: unknown) => error);
  },

  'The session is refused: its id is in use': async (stage) => {
    const { client } = await stage.pair();
    await client.openSession({ requestedSessionId: 5 });
    return client.openSession({ requestedSessionId: 5 }).catch((error: unknown) => error);
  },

  'The session is refused: the server shuts down': async (stage) => {
    const { server, client, session, operations } = await held(stage, { drainTimeoutMs: 1000 });
    await session.submit('keeps the server waiting');
    const operation = await operations.next();
    const closing = server.close();
    const refused = await client.openSession().catch((error: unknown) => error);
    await operation.complete('done');
    await closing;
    return refused;
  },

  'The session is refused: the policy failed': (stage) =>
    refusalBy(
      stage,
      policy(() => Promise.reject(new Error('a secret of the server'))),
    ),

  'The session is refused: the policy took too long': (stage) =>
    refusalBy(stage, { ...policy(() => new Promise(() => {})), policyTimeoutMs: 20 }),

  'The session is refused on purpose': (stage) =>
    refusalBy(
      stage,
      policy(() => {
        throw onPurpose();
      }),
    ),

  'The session is refused, and the server gives a code only': async () => {
    const server = await ScriptedServer.start();
    const refused = server.client.openSession().catch((error: unknown) => error);
    await server.expect(MessageType.SessionOpen);
    const sessionErrorCode = SessionErrorCode.SessionLimitReached;
    server.openAck(0, { sessionStatus: SessionStatus.Rejected, sessionErrorCode });
    return refused;
  },

  'The session is put off': async () => {
    const server = await ScriptedServer.start();
    const refused = server.client.openSession().catch((error: unknown) => error);
    await server.expect(MessageType.SessionOpen);
    const sessionErrorCode = SessionErrorCode.SessionLimitReached;
    server.openAck(0, { sessionStatus: SessionStatus.RetryLater, sessionErrorCode });
    return refused;
  },

  'The session ended for a reason of its own': async () => {
    const server = await ScriptedServer.start();
    const session = await server.open(1);
    const failure = failureOf(await session.submit('x'));
    await server.expect(MessageType.FrameSubmit);
    server.close(1, { closeReason: CloseReason.IdleTimeout, inFlightPolicy: InFlightPolicy.Abort });
    return failure;
  },
};
