/*
 * Every public call of the runtime with arguments that are right, so that nothing but the peer is to blame for what
 * becomes of its promise. `on` makes the object, in the state in which the call makes sense.
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HandlerError, NnrpClient, NnrpServer, preview3 } from 'nnrp-runtime';
import { callStream, chat } from 'nnrp-runtime/calls';
import { MemoryListener, memoryPair, TcpConnector } from 'nnrp-runtime/transport';

/** Of a session that no server of these processes has. */
const TICKET =
  'nnrp1.71EETmcSAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAADhgAAABnEgAAAgABAQEQAAADAAAAAAAAAAQAAAAwdQAAAAAAAAAAAAAAAAAAZxIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAHqfkEOnWKRZqXgcDzV5xB5rueR6PtXWsTEyNy4wLjAuMTo0NDMz';
const RESUME = { updateReason: preview3.UpdateReason.Resume };
const OBJECT = { namespace: 0, key: 1n, kind: preview3.CacheObjectKind.CameraBlock };
const IDENTITY = { cacheNamespace: 0, cacheKeyHi: 0, cacheKeyLo: 1 };
const { cert: certificateChain, key: privateKey } = JSON.parse(process.env.WALK_TLS ?? '{}');
const TLS = { certificateChain, privateKey };

/** A server, a client, and one session with one operation between them, in both hands. */
export class Stage {
  constructor(style) {
    this.style = style;
  }

  async begin() {
    this.server = await NnrpServer.bindTcp('127.0.0.1:0', {
      drainTimeoutMs: 0,
      deadlines: false,
      pingTimeoutMs: 5000,
      supportedCacheObjects: [preview3.CacheObjectKind.CameraBlock],
    });
    this.address = this.server.localAddress;
    const arrived = new Promise((resolve) => {
      this.arrive = resolve;
    });
    if (this.style === 'serve') {
      this.serving = this.server.serve({
        submit: (operation) => {
          this.arrive(operation);
          return new Promise((resolve) => {
            this.finishWork = resolve;
          });
        },
        patch: () => new Promise(() => {}),
        migrate: () => new Promise(() => {}),
        close: () => new Promise(() => {}),
      });
    }
    this.client = await NnrpClient.connectTcp(this.address, {
      requestTimeoutMs: 5000,
      openTimeoutMs: 5000,
      closeTimeoutMs: 5000,
      pingTimeoutMs: 5000,
    });
    const [clientSession, session] = await Promise.all([
      this.client.openSession({ defaultDeadlineMs: 0 }),
      this.style === 'accept' ? this.server.accept() : undefined,
    ]);
    this.clientSession = clientSession;
    this.clientOperation = await clientSession.submit('work');
    if (session !== undefined) this.arrive(await session.receiveSubmit());
    this.operation = await arrived;
    this.session = session ?? this.operation.session;
    return this;
  }

  /** The other end of the server vanishes without a word. */
  dropClient() {
    this.client.connection.transport.abort();
  }

  /** The other end of the client vanishes without a word. */
  dropServer() {
    for (const connection of this.server.connections) connection.transport.abort();
  }

  async end() {
    this.finishWork?.();
    this.dropClient();
    await this.server.close();
  }
}

const target = {
  NnrpServer: (stage) => stage.server,
  NnrpServerSession: (stage) => stage.session,
  OperationContext: (stage) => stage.operation,
  NnrpClient: (stage) => stage.client,
  NnrpClientSession: (stage) => stage.clientSession,
  ClientOperation: (stage) => stage.clientOperation,
  EventStream: (stage) => stage.client.events(),
  ResultStream: (stage) => stage.clientSession.results(),
  CallStream: (stage) => callStream(stage.clientSession, 'route'),
  ChatStream: (stage) => chat(stage.clientSession, { model: 'm', messages: [{ role: 'user', content: 'hello' }] }),
};

const noArguments = () => [];
const plain = { args: noArguments };
const accepting = { args: noArguments, styles: ['accept'] };
/** Something of the client's has come before the call. */
const after = (say, args = noArguments, styles = ['accept', 'serve']) => ({ say, args, styles });

async function come(stage, say) {
  say(stage);
  await stage.client.ping();
}

const patched = (stage) => stage.clientSession.patch({ qualityTier: 1 }).catch(() => {});
const migrating = (stage) =>
  stage.clientSession
    .migrateTransport({
      oldTransportId: preview3.TransportId.Tcp,
      newTransportId: preview3.TransportId.Quic,
      lastResultFrameId: 0n,
      clientMigrateTsUs: 0n,
    })
    .catch(() => {});
const closing = (stage) => stage.clientSession.close().catch(() => {});

/** Nobody listens there any more. */
async function deadAddress() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return `127.0.0.1:${port}`;
}

/** Of a socket that is not there. */
function freePath() {
  const folder = mkdtempSync(join(tmpdir(), 'nnrp-walk-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'nnrp.sock');
}

export const CALLS = {
  'NnrpServer.bindTcp': { args: (stage) => [stage.address], isStatic: true },
  'NnrpServer.bindTls': { args: (stage) => [stage.address, TLS], isStatic: true },
  'NnrpServer.fromListener': { args: () => [new MemoryListener()], isStatic: true },
  'NnrpServer.listenOn': { args: () => [[new MemoryListener()]], isStatic: true },
  'NnrpServer.listen': { args: () => ['nnrp://127.0.0.1:0'], isStatic: true },
  'NnrpServer.bindIpc': { args: () => [freePath()], isStatic: true },
  'NnrpServer.accept': accepting,
  'NnrpServer.serve': { args: () => [{ submit: () => '' }], styles: ['accept'] },
  'NnrpServer.close': plain,
  'NnrpServer.[dispose]': plain,
  'NnrpServer.sessions': plain,
  'NnrpServer.session': { args: () => [1] },
  'NnrpServer.stats': plain,
  'NnrpServer.counters': plain,
  'NnrpServer.[iterator]': accepting,
  'NnrpServerSession.ping': plain,
  'NnrpServerSession.isInFlight': { args: () => [1] },
  'NnrpServerSession.receiveSubmit': accepting,
  'NnrpServerSession.[iterator]': accepting,
  'NnrpServerSession.receiveCancel': accepting,
  'NnrpServerSession.receivePatch': accepting,
  'NnrpServerSession.receiveMigrate': accepting,
  'NnrpServerSession.receiveClose': accepting,
  'NnrpServerSession.events': accepting,
  'NnrpServerSession.sendResult': { args: () => [1, {}, 'result'] },
  'NnrpServerSession.sendResultDrop': { args: () => [1] },
  'NnrpServerSession.cancelOperations': { args: () => [preview3.CancelScope.Operation, 1] },
  'NnrpServerSession.trackCacheObject': { args: () => [IDENTITY] },
  'NnrpServerSession.cacheObject': { args: () => [IDENTITY] },
  'NnrpServerSession.sendPatchAck': after(patched),
  'NnrpServerSession.sendMigrateAck': after(migrating, (stage) => [stage.session.session.migrations.oldest]),
  'NnrpServerSession.sendFlowUpdate': { args: () => [RESUME] },
  'NnrpServerSession.sendResultHint': { args: () => [1, {}] },
  'NnrpServerSession.sendError': { args: () => [1, 'it failed'] },
  'NnrpServerSession.ackClose': after(closing),
  'NnrpServerSession.close': plain,
  'NnrpServerSession.endWith': { args: () => [new HandlerError('OPERATOR', 'moved')] },
  'NnrpServerSession.failFrame': { args: () => [1, new HandlerError('OPERATOR', 'moved')] },
  'NnrpServerSession.stats': plain,
  'NnrpServerSession.[dispose]': plain,
  'OperationContext.text': plain,
  'OperationContext.json': plain,
  'OperationContext.bytes': plain,
  'OperationContext.throwIfAborted': plain,
  'OperationContext.finished': { isGetter: true },
  'OperationContext.push': { args: () => ['part'] },
  'OperationContext.complete': { args: () => ['all'] },
  'OperationContext.drop': plain,
  // Of preview4; a session of preview3 says so.
  'OperationContext.progress': { args: () => [{ percentX100: 2500 }] },
  'OperationContext.waitForTool': plain,
  'OperationContext.resumeWork': plain,
  'OperationContext.relate': { args: () => [{ groupId: 1 }] },
  'NnrpClient.connect': { args: async () => [new TcpConnector(await deadAddress())], isStatic: true },
  'NnrpClient.connectTcp': { args: async () => [await deadAddress()], isStatic: true },
  'NnrpClient.connectTls': { args: async () => [await deadAddress(), {}], isStatic: true },
  'NnrpClient.connectIpc': { args: () => [freePath()], isStatic: true },
  'NnrpClient.fromTransport': { args: () => [memoryPair()[0]], isStatic: true },
  'NnrpClient.openSession': plain,
  'NnrpClient.resumeSession': { args: () => [TICKET] },
  'NnrpClient.hello': { args: noArguments, make: (stage) => NnrpClient.connectTcp(stage.address) },
  'NnrpClient.ping': plain,
  'NnrpClient.probe': plain,
  'NnrpClient.sendFlowUpdate': { args: () => [RESUME] },
  'NnrpClient.events': plain,
  'NnrpClient.migrate': { args: (stage) => [new TcpConnector(stage.address)] },
  'NnrpClient.close': plain,
  'NnrpClient.[dispose]': plain,
  'NnrpClient.closed': { isGetter: true },
  'NnrpClientSession.submit': { args: () => ['work'] },
  'NnrpClientSession.submitNow': { args: () => ['work'] },
  'NnrpClientSession.request': { args: () => ['work'] },
  'NnrpClientSession.results': plain,
  'NnrpClientSession.events': plain,
  'NnrpClientSession.patch': { args: () => [{ qualityTier: 1 }] },
  'NnrpClientSession.migrateTransport': {
    args: (stage) => [stage.clientSession.buildMigrationRequest(preview3.TransportId.Quic)],
  },
  'NnrpClientSession.buildMigrationRequest': { args: () => [preview3.TransportId.Quic] },
  'NnrpClientSession.putObject': { args: () => [OBJECT, 'object'] },
  'NnrpClientSession.invalidateObjects': { args: () => [{ scope: preview3.CacheInvalidateScope.WholeSession }] },
  'NnrpClientSession.sendFlowUpdate': { args: () => [RESUME] },
  'NnrpClientSession.ticket': plain,
  'NnrpClientSession.sendError': { args: () => [1, 'it failed'] },
  'NnrpClientSession.close': plain,
  'NnrpClientSession.[dispose]': plain,
  'ClientOperation.result': plain,
  'ClientOperation.[iterator]': plain,
  'ClientOperation.[dispose]': plain,
  'ClientOperation.text': plain,
  'ClientOperation.wholeText': plain,
  'ClientOperation.cancel': plain,
  'EventStream.[iterator]': plain,
  'ResultStream.[iterator]': plain,
  'CallStream.[iterator]': plain,
  'CallStream.result': plain,
  'ChatStream.text': plain,
};

/** Calls that are wrong: whoever drops their promises is told by the end of the process. */
export const MISTAKES = {
  'an option that does not exist': () => NnrpServer.bindTcp('127.0.0.1:0', { nothing: 1 }),
  'an address that is none': () => NnrpServer.bindTcp('nowhere'),
  'a certificate that is none': () =>
    NnrpServer.bindTls('127.0.0.1:0', { certificateChain: 'none', privateKey: 'none' }),
  'a client option that does not exist': () => NnrpClient.connectTcp('127.0.0.1:1', { nothing: 1 }),
  'accept beside serve': (stage) => stage.server.accept(),
  'serve twice': (stage) => stage.server.serve({ submit: () => '' }),
  'a patch of nothing': (stage) => stage.clientSession.patch({}),
  'a submit of a number': (stage) => stage.clientSession.submit(5),
  'metadata that does not fit': (stage) => stage.clientSession.submit('work', { metadata: { srcWidth: -1 } }),
  'an answer to a patch that never came': (stage) => stage.session.sendPatchAck(),
  'a close that was not asked for': (stage) => stage.session.ackClose(),
};

/** @returns what has come of the call: a promise, or the first step of what is iterated */
export async function prepare(name, stage) {
  const [className, member] = name.split('.');
  const { args, say, isStatic, isGetter, make } = CALLS[name];
  if (say !== undefined) await come(stage, say);
  const owner = isStatic ? { NnrpServer, NnrpClient }[className] : ((await make?.(stage)) ?? target[className](stage));
  if (make !== undefined) stage.made = owner;
  const given = (await args?.(stage)) ?? [];
  return () => {
    if (isGetter) return owner[member];
    const key = { '[iterator]': Symbol.asyncIterator, '[dispose]': Symbol.asyncDispose }[member] ?? member;
    const made = owner[key](...given);
    return typeof made?.next === 'function' ? steps(made) : firstOf(made);
  };
}

function firstOf(made) {
  const isIterable = typeof made?.[Symbol.asyncIterator] === 'function' && made.constructor.name.endsWith('Stream');
  return isIterable ? steps(made[Symbol.asyncIterator]()) : made;
}

/** Two steps at once, as a careless reader takes them; the second is dropped. */
function steps(iterator) {
  const first = iterator.next();
  iterator.next();
  return first;
}
