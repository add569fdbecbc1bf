import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import { NnrpClient } from '../../../src/client/client.js';
import type { NnrpClientEvent } from '../../../src/client/contract/client-events.js';
import { CLIENT_HELLO, ERROR_MESSAGE, FLOW_UPDATE, SERVER_HELLO_ACK } from '../../../src/connection/sending/codecs.js';
import type { FramedConnector, FramedTransport } from '../../../src/transport/contract/contract.js';
import { carrier } from '../../support/carrier.js';
import { eventually } from '../../support/eventually.js';
import { packetBytes } from '../../support/wire-packets.js';
import { bytesOfMessage, RecoveryServer } from './recovery-server.js';

const { MessageType, SessionFlags } = preview3;

afterEach(() => RecoveryServer.clear());

/** ERROR about the connection. */
function errorBytes(isFatal: number, retryAfterMs = 0): Uint8Array {
  const common = { relatedSessionId: 0, relatedFrameId: 0, relatedViewId: 0, diagnosticBytes: 0 };
  const metadata: preview3.ErrorMessage = {
    errorCode: preview3.ErrorCode.ServerBusy,
    errorScope: preview3.ErrorScope.Connection,
    isFatal,
    retryAfterMs,
    ...common,
  };
  return bytesOfMessage(MessageType.Error, 0, 0, ERROR_MESSAGE, metadata);
}

/** Everything that the client tells, by name, but for what it does so by accident. */
function namesOf(client: NnrpClient): string[] {
  const names: string[] = [];
  const events: readonly NnrpClientEvent['type'][] = ['suspended', 'resumed', 'lost', 'protocolViolation', 'closed'];
  for (const name of events) client.on(name as 'closed', () => names.push(name));
  return names;
}

describe('what ends a connection for good', () => {
  it.each([
    ['CLOSE', packetBytes(MessageType.Close), 'NNRP_ERR_CLOSED'],
    ['a fatal ERROR', errorBytes(1), 'NNRP_ERR_PEER'],
    ['a fatal ERROR with advice', errorBytes(1, 50), 'NNRP_ERR_PEER'],
    ['no packet', new Uint8Array(40).fill(1), 'NNRP_ERR_PROTOCOL'],
  ])('%s', async (_name, bytes, code) => {
    const server = await RecoveryServer.start();
    const { client, session, known } = await server.session();
    const names = namesOf(client);
    const failed = session
      .submitNow('work')
      .result()
      .catch((error: unknown) => error);
    await eventually(() => server.submits(known).length === 1, 'the submit has come');
    server.link.send(bytes);
    expect(await client.closed).toMatchObject({ code });
    expect(await failed).toMatchObject({ code });
    expect(names.filter((name) => name !== 'protocolViolation')).toEqual(['closed']);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(server.links.length).toBe(1);
  });

  it('is not an ERROR that is not fatal', async () => {
    const server = await RecoveryServer.start();
    const { client, known } = await server.session();
    const reported = new Promise((resolve) => client.once('peerError', resolve));
    server.link.send(errorBytes(0));
    await reported;
    server.cut();
    await server.back(known, 2);
  });

  it('is the loss of a connection without a session, as before', async () => {
    const server = await RecoveryServer.start();
    const { client, session } = await server.session();
    await session.close();
    server.leave();
    expect(await client.closed).toMatchObject({ code: 'NNRP_ERR_CLOSED' });
    expect(server.links.length).toBe(1);
  });
});

describe('a client without recovery', () => {
  it.each([
    ['that does not want it', { reconnect: 'never' }, () => {}, 0],
    ['that does not announce itself', { announce: false }, () => {}, 0],
    [
      'of a server that hands out no tokens',
      {},
      (server: RecoveryServer) => {
        server.grantsTokens = false;
      },
      SessionFlags.AllowResume,
    ],
    [
      'of a server whose tokens are longer than the protocol has them',
      {},
      (server: RecoveryServer) => {
        server.tokenBytes = 4097;
      },
      SessionFlags.AllowResume,
    ],
    [
      'of a server that hands out tokens, but has not said that it knows recovery',
      {},
      (server: RecoveryServer) => {
        server.announces = false;
      },
      SessionFlags.AllowResume,
    ],
  ] as const)('%s', async (_name, config, prepare, flags) => {
    const server = await RecoveryServer.start();
    prepare(server);
    const { client, session, known } = await server.session(config);
    const names = namesOf(client);
    expect(known.open.sessionFlags).toBe(flags);
    const failed = session
      .submitNow('x'.repeat(100_000))
      .result()
      .catch((error: unknown) => error);
    await eventually(() => server.submits(known).length === 1, 'the submit has come');
    await new Promise((resolve) => setTimeout(resolve, 350));
    expect(server.link.pings).toBe(0);
    server.cut();
    expect(await failed).toMatchObject({ code: 'NNRP_ERR_TRANSPORT', isRetryable: true });
    expect(await client.closed).toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
    expect(session.endReason).toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
    expect(names).toEqual(['closed']);
    expect(server.links.length).toBe(1);
  });

  it('from a transport has nothing to connect with, and asks for no token', async () => {
    const server = await RecoveryServer.start();
    const client = NnrpClient.fromTransport(await carrier.connect(server.address));
    const session = await client.openSession();
    expect(server.known(session).open.sessionFlags).toBe(0);
    server.cut();
    expect(await client.closed).toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
  });

  it('ends those of its sessions that got no token, and no others', async () => {
    const server = await RecoveryServer.start();
    server.grantsTokens = false;
    const { client, session } = await server.session();
    server.grantsTokens = true;
    const other = await client.openSession();
    server.cut();
    await server.back(server.known(other), 2);
    expect(session.endReason).toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
    expect(other.endReason).toBeUndefined();
    expect(server.link.opens.map(({ requestedSessionId }) => requestedSessionId)).toEqual([other.sessionId]);
  });
});

describe('a connector of the application', () => {
  /** The transports that it has made. */
  function counting(address: string, failures = 0) {
    const made: FramedTransport[] = [];
    let attempts = 0;
    const connector: FramedConnector = {
      kind: 'tcp',
      connect: async () => {
        if (made.length > 0 && attempts++ < failures) throw new Error('not yet');
        const transport = await carrier.connect(address);
        made.push(transport);
        return transport;
      },
    };
    return { connector, made, attempts: () => attempts };
  }

  it('is asked again until it connects, whatever it throws', async () => {
    const server = await RecoveryServer.start();
    const { connector, made, attempts } = counting(server.address, 3);
    const client = await NnrpClient.connect(connector, { reconnectBackoffMs: 1 });
    server.clients.push(client);
    const known = server.known(await client.openSession());
    server.cut();
    await server.back(known, 2);
    expect([made.length, attempts()]).toEqual([2, 4]);
  });

  it('that is none is refused, and what it makes must be a transport', async () => {
    await expect(NnrpClient.connect({} as never)).rejects.toMatchObject({ code: 'NNRP_ERR_USAGE' });
    await expect(NnrpClient.connect(undefined as never)).rejects.toMatchObject({ code: 'NNRP_ERR_USAGE' });
    const wrong = { kind: 'tcp', connect: async () => ({}) as never };
    await expect(NnrpClient.connect(wrong)).rejects.toMatchObject({ code: 'NNRP_ERR_USAGE' });
    await expect(NnrpClient.connect(wrong, { reconnect: 'always' as never })).rejects.toThrow(
      "'resume', 'reopen' or 'never'",
    );
  });

  it('that connects when the client is over already gets its transport aborted', async () => {
    const server = await RecoveryServer.start();
    const { connector } = counting(server.address);
    let connected: (transport: FramedTransport) => void = () => {};
    let calls = 0;
    const slow: FramedConnector = {
      kind: 'tcp',
      connect: () => {
        calls++;
        if (calls === 1) return connector.connect();
        return new Promise((resolve) => {
          connected = resolve;
        });
      },
    };
    const client = await NnrpClient.connect(slow, { reconnectBackoffMs: 1, closeTimeoutMs: 20 });
    await client.openSession();
    server.cut();
    await eventually(() => calls === 2, 'it connects again');
    await client.close();
    const late = await connector.connect();
    let isAborted = false;
    const { abort } = late;
    late.abort = (error) => {
      isAborted = true;
      abort.call(late, error);
    };
    connected(late);
    await eventually(() => isAborted, 'it is aborted');
    expect(server.links.flatMap(({ opens }) => opens).length).toBe(1);
  });
});

describe('what belongs to the connection', () => {
  it('is greeted again before the sessions, and the answer is not told again', async () => {
    const server = await RecoveryServer.start();
    const answer = () =>
      server.link.send(bytesOfMessage(MessageType.ServerHelloAck, 0, 0, SERVER_HELLO_ACK, HELLO_ACK));
    const client = await server.connect({ hello: { auth: 'who I am' } });
    const strays: number[] = [];
    client.on('stray', ({ packet }) => strays.push(packet.messageType));
    await eventually(() => server.links.length === 1 && server.link.packets.length === 1, 'the hello has come');
    answer();
    const session = await client.openSession();
    const { serverHello } = client;
    const known = server.known(session);
    const [hello] = server.link.packets;
    server.cut();
    await server.back(known, 2);
    const [again, open] = server.link.packets;
    expect([again?.messageType, open?.messageType]).toEqual([MessageType.ClientHello, MessageType.SessionOpen]);
    expect(again?.body).toEqual(hello?.body);
    expect(again?.metadataLength).toBe(CLIENT_HELLO.bytes);
    answer();
    const operation = session.submitNow('work');
    await eventually(() => server.submits(known).length === 1, 'the submit has come');
    server.result(known, 1);
    await operation.result();
    expect(strays).toEqual([]);
    expect(client.serverHello).toBe(serverHello);
  });

  it('is said again where the client had paused the server, and forgotten where the server had paused the client', async () => {
    const server = await RecoveryServer.start();
    const { client, session, known } = await server.session();
    const flow = (fields: Partial<preview3.FlowUpdate>) =>
      server.link.send(bytesOfMessage(MessageType.FlowUpdate, 0, 0, FLOW_UPDATE, { ...PAUSE, ...fields }));
    flow({ creditEpoch: 9 });
    await new Promise((resolve) => client.once('flowUpdate', resolve));
    expect(() => session.submitNow('held')).toThrow('NNRP_ERR_FLOW_BLOCKED');
    client.sendFlowUpdate({ credit: 5 });
    client.sendFlowUpdate({ updateReason: preview3.UpdateReason.Pause });
    server.cut();
    await server.back(known, 2);
    const operation = session.submitNow('free');
    await eventually(() => server.submits(known).length === 1, 'the submit has come');
    const updates = server.link.packets
      .filter(({ messageType, sessionId }) => messageType === MessageType.FlowUpdate && sessionId === 0)
      .map((packet) => preview3.decodeFlowUpdate(packet.view, packet.metadataStart));
    expect(updates.map(({ creditEpoch, connectionCredit }) => [creditEpoch, connectionCredit])).toEqual([
      [1, 5],
      [2, 0],
    ]);
    expect(updates.at(-1)?.updateReason).toBe(preview3.UpdateReason.Pause);
    // The server counts from 1 again.
    const outcome = new Promise((resolve) => client.once('flowUpdate', (event) => resolve(event.outcome)));
    flow({ creditEpoch: 1 });
    expect(await outcome).toBe('applied');
    server.result(known, 1);
    await operation.result();
  });

  it('is put off by a server that cannot take it back yet', async () => {
    const server = await RecoveryServer.start();
    const { client, session, known } = await server.session();
    const names = namesOf(client);
    let askedMs = 0;
    server.verdict = (_known, link) => {
      if (server.links.length > 2) return 'resume';
      askedMs = performance.now();
      link.send(errorBytes(1, 120));
      link.send(packetBytes(MessageType.Close));
      return 'no answer';
    };
    server.cut();
    await server.back(known, 3);
    expect(performance.now() - askedMs).toBeGreaterThan(110);
    expect(session.endReason).toBeUndefined();
    await eventually(() => names.length === 2, 'it is resumed');
    expect(names).toEqual(['suspended', 'resumed']);
  });
});

describe('nothing is left', () => {
  it('of a client that has lost its connection many times, and is closed', async () => {
    const server = await RecoveryServer.start();
    const before = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const { client, session, known } = await server.session({ keepAliveMs: 0 });
    for (let round = 2; round < 6; round++) {
      session.submitNow('work').cancel();
      server.cut();
      await server.back(known, round);
    }
    const link = server.link.socket;
    await client.close({ inFlightPolicy: preview3.InFlightPolicy.Abort });
    await eventually(() => link.destroyed || link.readableEnded, 'the connection has ended');
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    await eventually(() => timers() <= before, 'no timer is left');
    expect(client.toJSON()).toMatchObject({ state: 'closed', sessionCount: 0 });
    expect(server.links.length).toBe(5);
  });
});

const PAUSE: preview3.FlowUpdate = {
  scopeKind: preview3.ScopeKind.Connection,
  updateReason: preview3.UpdateReason.Pause,
  backpressureLevel: preview3.BackpressureLevel.None,
  connectionCredit: 0,
  sessionCredit: 0,
  operationCredit: 0,
  operationId: 0n,
  retryAfterMs: 0,
  creditEpoch: 1,
  flowFlags: 0,
};

const HELLO_ACK: preview3.ServerHelloAck = {
  selectedVersionMajor: 1,
  selectedWireFormat: 0,
  authStatus: 0,
  sessionId: 0,
  acceptedProfileBitmap: 1,
  acceptedPayloadKindBitmap: 1,
  acceptedCodecBitmap: 0,
  acceptedCompressionBitmap: 0,
  acceptedDtypeBitmap: 0,
  acceptedLayoutBitmap: 0,
  cacheDigestBitmap: 0,
  cacheObjectBitmap: 0,
  maxCacheEntries: 5,
  maxCacheBytes: 0,
  maxLaneCount: 1,
  maxConcurrentFrames: 0,
  targetCadenceX100: 0,
  latencyBudgetMs: 0,
  qualityTier: 0,
  degradePolicy: 0,
  maxBodyBytes: 0,
  tokenTtlMs: 0,
  retryAfterMs: 0,
  controlExtensionBytes: 0,
  serverFlags: 0,
};
