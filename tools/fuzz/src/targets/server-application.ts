import type {
  NnrpServer,
  NnrpServerPolicy,
  NnrpServerSession,
  NnrpSubmit,
  OperationContext,
  ServeHandlers,
} from 'nnrp-runtime';
import { preview3 } from 'nnrp-runtime';
import type { Style } from '../conversation.js';
import { WORK } from '../samples/work.js';
import { type Pledges, pause } from './pledges.js';

/** What a client asks of the policy, by its client_session_tag; any other tag is granted at once. */
export const TAGS = { slow: 77n, throws: 78n, rejects: 79n, refused: 80n, odd: 81n };
/** A SESSION_CLOSE with this last_operation_id is dealt with slowly. */
export const SLOW_CLOSE_ID = 77n;
const SLOW_MS = 4;
/** Longer than the attack of one episode. */
const HANG_MS = 60;

export const POLICY: NnrpServerPolicy = {
  validateSessionOpen(open) {
    switch (open.clientSessionTag) {
      case TAGS.slow:
        return pause(SLOW_MS).then(() => undefined);
      case TAGS.throws:
        throw new Error('the policy throws');
      case TAGS.rejects:
        return Promise.reject(new Error('the policy rejects'));
      case TAGS.refused:
        return Promise.resolve(4711);
      case TAGS.odd:
        return 'odd' as never;
      default:
        return undefined;
    }
  },
};

/** Starts an application of this style; it never gives up, and all it waits for is pledged. */
export function runApplication(server: NnrpServer, style: Style, pledges: Pledges): void {
  if (style === 'serve') {
    server.serve(HANDLERS, { maxConcurrentOperations: 2, maxQueuedOperations: 4 }).catch(() => {});
    return;
  }
  const attend = style === 'receive' ? receiveAll : readEvents;
  void (async () => {
    for await (const session of server) attend(session, pledges);
  })();
}

export const HANDLERS: ServeHandlers = {
  submit: (operation) => work(operation) as never,
  session: () => {},
  ended: () => {},
  cancel: (cancel) => {
    if (cancel.frameId % 3 === 1) throw new Error('the cancel handler throws');
  },
  patch: (patch) => {
    if (patch.metadata.qualityTier % 3 === 2) throw new Error('the patch handler throws');
    return patch.metadata.qualityTier % 3 === 1 ? pause(1).then(() => ({ rejectReason: 1 })) : {};
  },
  migrate: (migration) => {
    if (migration.metadata.lastResultFrameId === 3n) throw new Error('the migrate handler throws');
    return { acceptCode: Number(migration.metadata.lastResultFrameId & 1n) };
  },
  cache: () => Promise.reject(new Error('the cache handler rejects')),
  close: (close) => (close.metadata.lastOperationId === SLOW_CLOSE_ID ? pause(SLOW_MS) : undefined),
  event: (event) => {
    if (event.type === 'peerError') throw new Error('the event handler throws');
  },
};

/** What the first byte of the body asks for. */
function work(operation: OperationContext): unknown {
  const { body } = operation;
  try {
    // Applications look at everything.
    operation.payloadFrames.length;
  } catch {
    // Most bodies are no region bodies.
  }
  switch ((body[0] ?? 0) & 7) {
    case WORK.promise:
      return pause(1).then(() => body.slice(0, 8));
    case WORK.generator:
      return some(body);
    case WORK.asyncGenerator:
      return many(operation);
    case WORK.throws:
      throw new Error('the handler throws');
    case WORK.hangs:
      return hang(operation);
    case WORK.late:
      setTimeout(() => operation.complete('late').catch(() => {}), 2);
      return operation.finished;
    case WORK.pushes:
      for (let part = 0; part < 5; part++) operation.push('part').catch(() => {});
      return { body: 'last', metadata: { statusCode: preview3.StatusCode.Success } };
    default:
      return body.slice(0, 8);
  }
}

/** Till the work is not wanted any more; not for ever, for others wait for the place. */
async function hang(operation: OperationContext): Promise<void> {
  await Promise.race([operation.finished, pause(HANG_MS)]);
  await operation.drop().catch(() => {});
}

function* some(body: Uint8Array): Generator<Uint8Array, Uint8Array> {
  yield body.slice(0, 1);
  yield body.slice(0, 2);
  return body.slice(0, 3);
}

async function* many(operation: OperationContext): AsyncGenerator<string, string> {
  for (let part = 0; part < 5; part++) {
    yield `part ${part}`;
    await pause(1);
    operation.throwIfAborted();
  }
  return 'end';
}

/** Answers by `sendResult`, as an application does that has taken the work by `receive*` or `events()`. */
async function answer(session: NnrpServerSession, submit: NnrpSubmit): Promise<void> {
  const operation = submit as OperationContext;
  const { frameId } = operation;
  switch ((operation.body[0] ?? 0) & 7) {
    case WORK.hangs:
      await hang(operation);
      return;
    case WORK.throws:
      await session.sendResultDrop(frameId);
      return;
    case WORK.late:
      await pause(2);
      break;
    case WORK.pushes:
    case WORK.asyncGenerator: {
      const partial = { resultClass: preview3.ResultClass.Partial };
      for (let part = 0; part < 4; part++) await session.sendResult(frameId, partial, 'part');
      session.sendResultHint(frameId, {}).catch(() => {});
      break;
    }
    default:
  }
  await session.sendResult(frameId, {}, operation.body.slice(0, 8));
}

function receiveAll(session: NnrpServerSession, pledges: Pledges): void {
  const forEver = async <T>(name: string, next: () => Promise<T>, take: (message: T) => unknown) => {
    for (;;) {
      const message = await next();
      pledges.add(`answer to a ${name}`, Promise.resolve(take(message)));
    }
  };
  pledges.add(
    'receiveSubmit',
    forEver(
      'submit',
      () => session.receiveSubmit(),
      (submit) => answer(session, submit),
    ),
  );
  pledges.add(
    'receiveCancel',
    forEver(
      'cancel',
      () => session.receiveCancel(),
      () => undefined,
    ),
  );
  pledges.add(
    'receivePatch',
    forEver(
      'patch',
      () => session.receivePatch(),
      () => session.sendPatchAck(),
    ),
  );
  pledges.add(
    'receiveMigrate',
    forEver(
      'migrate',
      () => session.receiveMigrate(),
      (m) => session.sendMigrateAck(m),
    ),
  );
  pledges.add(
    'receiveClose',
    forEver(
      'close',
      () => session.receiveClose(),
      () => closeSlowly(session),
    ),
  );
}

function readEvents(session: NnrpServerSession, pledges: Pledges): void {
  const read = async () => {
    for await (const event of session.events()) {
      if (event.type === 'submit') pledges.add('answer', answer(session, event.submit));
      else if (event.type === 'patch') pledges.add('patch', session.sendPatchAck({ rejectReason: 1 }));
      else if (event.type === 'migrate') pledges.add('migrate', session.sendMigrateAck(event.migration));
      else if (event.type === 'close') pledges.add('close', closeSlowly(session));
    }
  };
  pledges.add('events', read());
}

async function closeSlowly(session: NnrpServerSession): Promise<void> {
  await pause(SLOW_MS);
  await session.ackClose();
}
