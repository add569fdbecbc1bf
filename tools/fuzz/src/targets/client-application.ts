import { type ClientOperation, type NnrpClient, type NnrpClientSession, preview3 } from 'nnrp-runtime';
import { type AppCall, FOCUS_ID } from '../conversation.js';
import type { Dice } from '../samples/dice.js';

/** What the application of an attacked client has in its hands. */
export interface Held {
  session?: NnrpClientSession;
  operation?: ClientOperation;
  /** It has closed the client. */
  closing?: boolean;
}

type Promised = readonly [name: string, promise: PromiseLike<unknown>];

/** Does one thing. @returns the promises that must settle some time. @throws NnrpError what the call throws */
export function callApplication(call: AppCall, client: NnrpClient, held: Held, dice: Dice): Promised[] {
  const onClient = clientCall(call, client, held, dice);
  if (onClient !== undefined) return onClient;
  const { session } = held;
  return session === undefined ? [] : sessionCall(call, session, held, dice);
}

function clientCall(call: AppCall, client: NnrpClient, held: Held, dice: Dice): Promised[] | undefined {
  switch (call) {
    case 'hello':
      return [['hello', client.hello()]];
    case 'open': {
      const opened = client.openSession({ requestedSessionId: FOCUS_ID, maxInFlightOperations: 0 });
      opened.then(
        (session) => {
          held.session = session;
        },
        () => {},
      );
      return [['openSession', opened]];
    }
    case 'connectionFlow':
      client.sendFlowUpdate({ updateReason: preview3.UpdateReason.Pause });
      return [];
    case 'ping':
      return [['ping', client.ping()]];
    case 'probe':
      return [['probe', client.probe({ payloadBytes: dice.below(100) })]];
    case 'close':
      held.closing = true;
      return [['client.close', client.close()]];
    default:
      return undefined;
  }
}

function sessionCall(call: AppCall, session: NnrpClientSession, held: Held, dice: Dice): Promised[] {
  switch (call) {
    case 'submit':
    case 'submitMany': {
      const submits = Array.from({ length: call === 'submit' ? 1 : 6 }, () => session.submit('work'));
      for (const submit of submits)
        submit.then(
          (operation) => keep(held, operation),
          () => {},
        );
      return submits.map((submit) => ['submit', submit.then((operation) => operation.result())] as const);
    }
    case 'hold':
      // Results that are not read.
      return [['held', session.submit('work').then((operation) => keep(held, operation))]];
    case 'loop':
      return [
        ['loop', session.submit('work').then((operation) => readAll(keep(held, operation), Number.MAX_SAFE_INTEGER))],
      ];
    case 'leaveLoop':
      return [['left loop', session.submit('work').then((operation) => readAll(keep(held, operation), 1))]];
    case 'cancel':
      held.operation?.cancel('not wanted');
      return [];
    case 'results':
      return [['results', readAll(session.results(), 1 + dice.below(5))]];
    case 'events':
      return [['events', readAll(session.events(), 1 + dice.below(9))]];
    case 'patch':
      return [['patch', session.patch({ qualityTier: dice.below(3) })]];
    case 'migrate':
      return [['migrate', session.migrateTransport(migration(session))]];
    case 'put':
      return [['put', session.putObject({ namespace: 0, key: BigInt(dice.below(4)), kind: 1 }, 'object')]];
    case 'invalidate':
      return [['invalidate', session.invalidateObjects({ scope: preview3.CacheInvalidateScope.WholeSession })]];
    case 'abort':
      held.operation?.cancel({ reason: 'not wanted', abort: true });
      return [];
    case 'schedule':
      held.operation?.setPriority(dice.below(3), dice.below(3));
      held.operation?.setDeadline(Date.now() + dice.below(40));
      held.operation?.expireAt(Date.now() + dice.below(40));
      return [];
    case 'supersede':
      held.operation?.supersede(BigInt(1 + dice.below(5)), dice.chance(0.5));
      return [];
    case 'progress':
      return held.operation === undefined ? [] : [['progress', readAll(held.operation.progress(), 3)]];
    case 'object':
      session.controls.declareObject({ objectId: BigInt(dice.below(4)) });
      session.controls.releaseObject({ objectId: BigInt(dice.below(4)) });
      return [];
    case 'hint':
      session.controls.traceContext({ traceId: 1n, spanId: 2n });
      session.controls.credit({ creditWindow: BigInt(dice.below(4)) });
      return [];
    case 'flow':
      session.sendFlowUpdate({
        updateReason: preview3.UpdateReason.Resume,
        ...(held.operation && { operation: held.operation }),
      });
      return [];
    case 'error':
      session.sendError(preview3.ErrorCode.InternalError, 'it failed');
      return [];
    default:
      return [['session.close', session.close({ drainTimeoutMs: 50 })]];
  }
}

function migration(session: NnrpClientSession): preview3.SessionMigrate {
  const request = session.buildMigrationRequest(preview3.TransportId.Quic);
  return { ...request, oldTransportId: preview3.TransportId.Tcp };
}

function keep(held: Held, operation: ClientOperation): ClientOperation {
  held.operation = operation;
  return operation;
}

async function readAll(things: AsyncIterable<unknown>, most: number): Promise<void> {
  let count = 0;
  for await (const thing of things) if (thing !== undefined && ++count >= most) return;
}
