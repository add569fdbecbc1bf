import { PassThrough } from 'node:stream';
import * as preview3 from 'nnrp-core/preview3';
import { answering } from '../../src/base/promises/settled.js';
import { completeResume } from '../../src/client/connection/resume-by-ticket.js';
import { clientConfig } from '../../src/client/contract/client-config.js';
import { migrateOptions } from '../../src/client/contract/migrate-options.js';
import type { NnrpClientSession } from '../../src/client/session/client-session.js';
import { submitMetadata } from '../../src/client/submits/submit-options.js';
import { serverConfig } from '../../src/server/contract/server-config.js';
import { resultMetadata } from '../../src/server/contract/server-messages.js';
import { HandlerError } from '../../src/server/failures/handler-error.js';
import { schedulingOptions } from '../../src/server/scheduling/scheduling-options.js';
import { serveOptions } from '../../src/server/serve/serve-options.js';
import { MemoryListener, memoryPair } from '../../src/transport/memory.js';
import { StreamTransport } from '../../src/transport/stream/stream-transport.js';
import { TcpConnector, TcpListener } from '../../src/transport/tcp/tcp.js';
import { TlsConnector, TlsListener } from '../../src/transport/tls/tls.js';
import { tlsClientSettings, tlsServerSettings } from '../../src/transport/tls/tls-options.js';
import { issue } from '../support/certificates.js';
import { type OpenSession, Stage } from '../support/stage.js';

export const stage = new Stage();

export const own = await issue({ name: 'CN=own', authority: true, ips: ['127.0.0.1'] });
export const OWN = { certificateChain: own.certificate, privateKey: own.key };

export type Ends = OpenSession & { readonly operation: Awaited<ReturnType<NnrpClientSession['submit']>> };

export interface Bag {
  /** What the message calls it. */
  readonly what: string;
  /** Options that it cannot do without. */
  readonly needed?: object;
  /** Every option, none of which is needed. */
  readonly names: readonly string[];
  /** Needs no connection. */
  read?(bag: object): unknown;
  /** Needs one: two ends with an operation in flight. */
  call?(bag: object, ends: Ends): unknown;
  /** What is sent is no promise, so wrong options throw. */
  readonly throws?: boolean;
  /** Options for which null is a value like any other. */
  readonly nullable?: readonly string[];
}

export const FLOW = [
  'updateReason',
  'backpressureLevel',
  'credit',
  'retryAfterMs',
  'backgroundOnly',
  'drainInFlightOnly',
];
export const RESULT = Object.keys(resultMetadata());
const RESUME = ['auth', 'extensions', 'signal'];
export const SUBMIT = Object.keys(submitMetadata());
const TLS_OF_A_CONNECTOR = [
  'roots',
  'serverName',
  'insecureSkipVerify',
  ...Object.keys(OWN),
  'passphrase',
  'minVersion',
];
const TLS_OF_A_SERVER = [
  'passphrase',
  'minVersion',
  'requireAlpn',
  'clientCertificates',
  'clientRoots',
  'handshakeTimeoutMs',
  'onHandshakeFailure',
];
export const TRANSPORT = ['maxPacketBytes', 'highWaterBytes', 'stallTimeoutMs', 'closeTimeoutMs', 'revision'];
const IN_MEMORY = { what: 'memory options', names: ['highWaterBytes'], throws: true };

/** Every bag of options there is over TCP, TLS and between sessions; QUIC has a test of its own. */
export const BAGS: Readonly<Record<string, Bag>> = {
  'the configuration of a server': {
    what: 'server configuration',
    names: Object.keys(serverConfig({}, 'tcp')),
    read: (bag) => serverConfig(bag, 'tcp'),
  },
  'the configuration of a client': {
    what: 'client configuration',
    names: Object.keys(clientConfig({})),
    read: (bag) => clientConfig(bag),
  },
  'options of serve': {
    what: 'serve',
    names: ['maxConcurrentOperations', 'maxQueuedOperations', 'scheduling'],
    read: (bag) => serveOptions(bag),
  },
  'scheduling of serve': {
    what: 'serve: scheduling',
    names: Object.keys(schedulingOptions({}, 1, 1)),
    read: (bag) => schedulingOptions(bag, 1024, 4096),
  },
  'TLS of a server': {
    what: 'TLS options',
    needed: OWN,
    names: TLS_OF_A_SERVER,
    read: (bag) => tlsServerSettings(bag as typeof OWN),
  },
  'TLS of a client': {
    what: 'TLS options',
    names: [...TLS_OF_A_CONNECTOR, 'requireAlpn'],
    read: (bag) => tlsClientSettings(bag, 'localhost'),
  },
  'what a renewal of TLS replaces': {
    what: 'TLS options',
    needed: OWN,
    names: TLS_OF_A_SERVER,
    read: async (bag) => {
      const listener = await TlsListener.bind('127.0.0.1:0', OWN);
      try {
        listener.renew(bag as typeof OWN);
      } finally {
        await listener.close();
      }
    },
  },
  'TLS of a connector': {
    what: 'TLS options',
    names: TLS_OF_A_CONNECTOR,
    read: (bag) => new TlsConnector('127.0.0.1:1', bag),
    throws: true,
  },
  'a pair of transports in memory': { ...IN_MEMORY, read: (bag) => memoryPair(bag) },
  'a listener in memory': { ...IN_MEMORY, read: (bag) => new MemoryListener(bag) },
  'the transport of a listener': {
    what: 'transport options',
    names: TRANSPORT,
    read: async (bag) => (await TcpListener.bind('127.0.0.1:0', bag)).close(),
  },
  'the transport of a connector': {
    what: 'transport options',
    names: [...TRANSPORT, 'connectTimeoutMs'],
    read: (bag) => new TcpConnector('127.0.0.1:1', bag),
    throws: true,
  },
  'the transport over a stream': {
    what: 'stream transport options',
    needed: { kind: 'own', remoteAddress: 'own:1' },
    names: [...TRANSPORT, 'peerIdentity', 'borrowsWrites', 'maxWriteBytes', 'describeError', 'isRetryable'],
    read: (bag) => new StreamTransport(new PassThrough(), bag as never).abort(),
    throws: true,
  },
  'an error of a handler': {
    what: 'HandlerError options',
    names: ['retryAfterMs', 'details', 'retryable', 'wireCode', 'cause'],
    nullable: ['details', 'cause'],
    read: (bag) => new HandlerError('OUT_OF_LUCK', 'x', bag),
    throws: true,
  },
  'complete metadata of submits': {
    what: 'submit metadata',
    names: SUBMIT,
    read: (bag) => submitMetadata(bag),
    throws: true,
  },
  'complete metadata of results': {
    what: 'result metadata',
    names: RESULT,
    read: (bag) => resultMetadata(bag),
    throws: true,
  },
  'a hello': {
    what: 'hello options',
    names: [
      'minVersionMajor',
      'maxVersionMajor',
      'supportedWireFormatBitmap',
      'supportedProfileBitmap',
      'supportedPayloadKindBitmap',
      'supportedCodecBitmap',
      'supportedCompressionBitmap',
      'supportedDtypeBitmap',
      'supportedLayoutBitmap',
      'cacheDigestBitmap',
      'cacheObjectBitmap',
      'cacheNamespaceCount',
      'maxLaneCount',
      'maxCacheEntries',
      'maxCacheBytes',
      'targetCadenceX100',
      'latencyBudgetMs',
      'qualityTier',
      'degradePolicy',
      'requestedSessionId',
      'auth',
      'extensions',
    ],
    call: async (bag, { server }) => (await stage.connect(server)).hello(bag),
  },
  'options of a session': {
    what: 'session options',
    names: [
      'requestedSessionId',
      'profileId',
      'schemaId',
      'schemaVersion',
      'priorityClass',
      'defaultDeadlineMs',
      'maxInFlightOperations',
      'leaseTtlHintMs',
      'sessionFlags',
      'auth',
      'clientSessionTag',
      'extensions',
    ],
    call: (bag, { client }) => client.openSession(bag),
  },
  'an extension of a session': {
    what: 'extensions',
    needed: { type: 0x9000, payload: new Uint8Array(2) },
    names: ['critical'],
    call: (bag, { client }) => client.openSession({ extensions: [bag as never] }),
  },
  'metadata of a submit': {
    what: 'submit metadata',
    names: SUBMIT,
    call: (bag, { clientSession }) => clientSession.submit('x', { metadata: bag }),
  },
  'options of a submit': {
    what: 'submit options',
    names: ['signal', 'onBlocked', 'traceId', 'deadlineMs', 'metadata'],
    call: (bag, { clientSession }) => clientSession.submit('x', bag),
  },
  'a ticket': {
    what: 'resume session options',
    names: RESUME,
    read: (bag) => answering(() => completeResume(bag, clientConfig({})), bag),
  },
  'how a client moves its sessions': { what: 'migrate options', names: ['signal'], read: (bag) => migrateOptions(bag) },
  'how a client closes a session': {
    what: 'close options',
    names: ['reason', 'inFlightPolicy', 'drainTimeoutMs'],
    call: async (bag, { client, server }) => {
      const opening = client.openSession();
      const other = await server.accept();
      other.receiveClose().then(
        () => other.ackClose(),
        () => {},
      );
      await (await opening).close(bag);
    },
  },
  'the flow of a session of a client': {
    what: 'flow update',
    names: [...FLOW, 'operation'],
    call: (bag, { clientSession }) => clientSession.sendFlowUpdate(bag),
    throws: true,
  },
  'the flow of a client': {
    what: 'flow update',
    names: FLOW,
    call: (bag, { client }) => client.sendFlowUpdate(bag),
    throws: true,
  },
  'an error of a client': {
    what: 'error options',
    names: ['frameId', 'fatal', 'retryAfterMs'],
    call: (bag, { clientSession }) => clientSession.sendError(1, 'x', bag),
    throws: true,
  },
  'a patch': {
    what: 'patch fields',
    needed: { qualityTier: 1 },
    names: [
      'profileId',
      'targetCadenceX100',
      'degradePolicy',
      'activeLaneMask',
      'preferredCodecBitmap',
      'preferredCompressionBitmap',
    ],
    call: (bag, { clientSession }) => clientSession.patch(bag, undefined, { timeoutMs: 5000 }),
  },
  'options of a request': {
    what: 'request options',
    names: ['timeoutMs'],
    call: (bag, { clientSession }) => clientSession.patch({ qualityTier: 1 }, undefined, bag),
  },
  'an object for the cache': {
    what: 'cache object',
    needed: { namespace: 1, key: 1n, kind: preview3.CacheObjectKind.PromptSegment },
    names: ['ttlMs', 'flags', 'codecBitmap'],
    call: (bag, { clientSession }) => clientSession.putObject(bag as never, 'x'),
  },
  'a choice of objects': {
    what: 'cache selector',
    needed: { scope: preview3.CacheInvalidateScope.Namespace },
    names: ['namespace', 'key', 'kind', 'reasonCode'],
    call: (bag, { clientSession }) => clientSession.invalidateObjects(bag as never),
  },
  'a probe': {
    what: 'probe options',
    names: ['payloadBytes', 'timeoutMs'],
    call: (bag, { client }) => client.probe(bag),
  },
  'how a server closes a session': {
    what: 'close options',
    names: ['reason', 'inFlightPolicy', 'drainTimeoutMs', 'sessionErrorCode'],
    call: async (bag, { client, server }) => {
      void client.openSession();
      await (await server.accept()).close(bag);
    },
  },
  'how a server is closed': {
    what: 'server close options',
    names: ['drainTimeoutMs'],
    call: (bag, { server }) => server.close(bag),
  },
  'metadata of a partial result': {
    what: 'result metadata',
    names: RESULT,
    call: async (bag, { session }) => (await session.receiveSubmit()).push({ body: 'x', metadata: bag }),
  },
  'metadata of a last result': {
    what: 'result metadata',
    names: RESULT,
    call: async (bag, { session }) => (await session.receiveSubmit()).complete({ body: 'x', metadata: bag }),
  },
  'metadata of a result by frame': {
    what: 'result metadata',
    names: RESULT,
    call: async (bag, { session }) => session.sendResult((await session.receiveSubmit()).frameId, bag, 'x'),
  },
  'the flow of a session of a server': {
    what: 'flow update',
    names: [...FLOW, 'frameId'],
    call: (bag, { session }) => session.sendFlowUpdate(bag),
  },
  'a hint': {
    what: 'result hint',
    names: ['appliedBudgetPolicy', 'congestionState', 'reason', 'retryAfterMs'],
    call: (bag, { session, operation }) => session.sendResultHint(operation.frameId, bag),
  },
  'what an operation belongs to': {
    what: 'relation',
    names: ['parentFrameId', 'groupId'],
    call: async (bag, { session }) => (await session.receiveSubmit()).relate(bag),
    throws: true,
  },
  'an error of a server': {
    what: 'error options',
    names: ['frameId', 'retryAfterMs'],
    call: (bag, { session }) => session.sendError(1, 'x', bag),
  },
  'an answer to a patch': {
    what: 'patch ack',
    names: [
      'ackStatus',
      'rejectReason',
      'retryAfterMs',
      'effectiveProfileId',
      'effectiveLaneMask',
      'appliedPatchMask',
      'rejectedPatchMask',
    ],
    call: async (bag, { session, clientSession }) => {
      clientSession.patch({ qualityTier: 1 }).catch(() => {});
      await session.receivePatch();
      await session.sendPatchAck(bag);
    },
  },
  'an answer to a move': {
    what: 'migrate ack',
    names: ['acceptCode', 'resumeFromFrameId', 'graceWindowMs', 'serverMigrateTsUs'],
    call: async (bag, { session, clientSession }) => {
      const request = clientSession.buildMigrationRequest(preview3.TransportId.Quic);
      clientSession.migrateTransport(request).catch(() => {});
      await session.sendMigrateAck(await session.receiveMigrate(), bag);
    },
  },
};

/** Patches are answered where nobody else is about to. */
export async function ends(): Promise<Ends> {
  const opened = await stage.session(
    { supportedCacheObjects: [preview3.CacheObjectKind.PromptSegment] },
    { defaultDeadlineMs: 0 },
  );
  return { ...opened, operation: await opened.clientSession.submit('x') };
}

export async function use(bag: Bag, options: object): Promise<unknown> {
  const needed = Object.assign(Object.create(null), bag.needed);
  const given = Object.assign(options, needed);
  if (bag.read !== undefined) return bag.read(given);
  const both = await ends();
  const answering = bag.what === 'patch fields' || bag.what === 'request options';
  const answer = answering ? both.session.receivePatch().then(() => both.session.sendPatchAck()) : undefined;
  answer?.catch(() => {});
  return bag.call?.(given, both);
}
