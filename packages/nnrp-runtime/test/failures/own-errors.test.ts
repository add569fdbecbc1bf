import { isNnrpError, type NnrpErrorCode } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { afterEach, expect, it } from 'vitest';
import type { OperationContext } from '../../src/server/contract/contract.js';
import { ScriptedServer } from '../support/scripted-server.js';
import { Stage } from '../support/stage.js';

const { CancelScope, MessageType } = preview3;
const stage = new Stage();
afterEach(async () => {
  await ScriptedServer.clear();
  await stage.clear();
});

const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.unreachable(),
    (error: unknown) => error,
  );

/** Everybody is told of the same, and nobody has the error of another. */
function expectOwn(errors: readonly unknown[], code: NnrpErrorCode): void {
  expect(errors.filter((error) => !isNnrpError(error, code))).toEqual([]);
  expect(new Set(errors).size).toBe(errors.length);
}

it('whoever waits on a connection that is lost has an error of his own', async () => {
  const server = await ScriptedServer.start();
  const { client } = server;
  const granted = { grantedOperationCredit: 3, maxInFlightOperations: 3 };
  const sessions = [await server.open(1, granted), await server.open(2, granted)];
  const waiting: Promise<unknown>[] = [];
  const wait = (promise: Promise<unknown>) => waiting.push(failureOf(promise));
  for (const session of sessions) {
    const [first, second, looped] = ['a', 'b', 'c'].map((body) => session.submitNow(body));
    wait(first?.result() as Promise<unknown>);
    wait(second?.result() as Promise<unknown>);
    wait(looped?.[Symbol.asyncIterator]().next() as Promise<unknown>);
    // No room for these.
    wait(session.submit('d'));
    wait(session.submit('e'));
    wait(session.results()[Symbol.asyncIterator]().next());
    wait(session.patch({ qualityTier: 1 }));
    wait(session.patch({ qualityTier: 2 }));
    wait(session.putObject({ namespace: 1, key: 1n, kind: 1 } as never, 'x'));
  }
  wait(client.openSession());
  wait(client.openSession());
  wait(client.ping());
  wait(client.ping());
  wait(client.probe({ payloadBytes: 1 }));
  await server.expect(MessageType.FrameSubmit);
  server.peer.destroy();
  const errors = await Promise.all(waiting);
  errors.push(await client.closed, ...sessions.map(({ endReason }) => endReason));
  for (const session of sessions)
    errors.push(await failureOf(session.submit('late')), await failureOf(session.patch({ qualityTier: 3 })));
  errors.push(await failureOf(client.openSession()), await failureOf(client.ping()));
  expectOwn(errors, 'NNRP_ERR_TRANSPORT');
});

it('results that are awaited after a loop has failed bring an error of their own', async () => {
  const server = await ScriptedServer.start();
  const session = await server.open(1);
  const operation = session.submitNow('x');
  const step = failureOf(operation[Symbol.asyncIterator]().next());
  await server.expect(MessageType.FrameSubmit);
  server.drop(1, 1);
  expectOwn([await step, await failureOf(operation.result())], 'NNRP_ERR_RESULT_DROPPED');
});

it('whoever asks for the same result has an error of his own, before it has failed and after', async () => {
  const server = await ScriptedServer.start();
  const session = await server.open(1);
  const operation = session.submitNow('x');
  const asked = [operation.result(), operation.result(), operation.result()].map(failureOf);
  await server.expect(MessageType.FrameSubmit);
  server.drop(1, 1);
  const errors = await Promise.all(asked);
  errors.push(await failureOf(operation.result()), await failureOf(operation.result()));
  expectOwn(errors, 'NNRP_ERR_RESULT_DROPPED');
});

it('an ERROR is an error of its own for the operation, the event of the session and that of the client', async () => {
  const server = await ScriptedServer.start();
  const session = await server.open(1);
  const operation = session.submitNow('x');
  const events = session.events();
  const reported = new Promise((resolve) => server.client.once('peerError', ({ error }) => resolve(error)));
  await server.expect(MessageType.FrameSubmit);
  server.error(1, 0, { errorScope: preview3.ErrorScope.Frame, relatedFrameId: 1 }, 'broken');
  const errors: unknown[] = [await failureOf(operation.result()), await reported];
  for await (const event of events) {
    if (event.type !== 'peerError') continue;
    errors.push(event.error);
    break;
  }
  expect(new Set(errors).size).toBe(3);
});

it('on the server, each operation has a reason of its own for its signal, and for what it still pushes', async () => {
  const limits = { maxInFlightOperations: 8, grantedOperationCredit: 8 };
  for (const end of ['cancel', 'close', 'lose'] as const) {
    const { client, session, clientSession } = await stage.session(limits, { defaultDeadlineMs: 0 });
    const contexts: OperationContext[] = [];
    for (let count = 0; count < 4; count++) {
      clientSession.submitNow('x');
      contexts.push(await session.receiveSubmit());
    }
    const { signal } = contexts[0] as OperationContext;
    const waiting = [session.receiveSubmit(), session.receiveSubmit(), session.receivePatch()].map(failureOf);
    if (end === 'cancel') session.cancelOperations(CancelScope.Session, 1);
    else if (end === 'close') await session.close({ drainTimeoutMs: 100 });
    else await stage.drop(client);
    if (end !== 'cancel')
      expectOwn(await Promise.all(waiting), end === 'close' ? 'NNRP_ERR_CLOSED' : 'NNRP_ERR_TRANSPORT');
    const reasons = contexts.map((context) => context.signal.reason);
    expect(signal.reason).toBe(reasons[0]);
    const CODES = { cancel: 'NNRP_ERR_CANCELLED', close: 'NNRP_ERR_CLOSED', lose: 'NNRP_ERR_TRANSPORT' } as const;
    expectOwn(reasons, CODES[end]);
    const pushes = await Promise.all(contexts.map((context) => failureOf(context.push('late'))));
    expect(new Set(pushes).size).toBe(contexts.length);
  }
});

it('whoever waits for a session of a server that is closed has an error of his own', async () => {
  const server = await stage.serve();
  const waiting = [server.accept(), server.accept()].map(failureOf);
  await server.close();
  expectOwn([...(await Promise.all(waiting)), await failureOf(server.accept())], 'NNRP_ERR_CLOSED');
});
