import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import type { NnrpError } from 'nnrp-core';
import { afterEach, describe, expect, it } from 'vitest';
import { TlsConnector, TlsListener } from '../../../src/transport/tls/tls.js';
import { TlsHandshakes } from '../../../src/transport/tls/tls-handshakes.js';
import { type TlsServerOptions, tlsServerSettings } from '../../../src/transport/tls/tls-options.js';
import { issue } from '../../support/certificates.js';

const { certificate, key } = await issue({ name: 'CN=server', ips: ['127.0.0.1'] });
const OWN = { certificateChain: certificate, privateKey: key };
/** The first bytes of a ClientHello that announces 512. */
const HALF_A_HELLO = Buffer.from('160301020001000001fc0303', 'hex');

const eventually = <T>(value: () => T) => expect.poll(value, { timeout: 10_000 });

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

interface Stage {
  readonly handshakes: TlsHandshakes;
  readonly port: number;
  readonly secured: TLSSocket[];
  readonly failures: string[];
}

/** Handshakes on a port of their own, so that they can be counted. */
async function stage(handshakeTimeoutMs = 10_000, limits: Partial<TlsServerOptions> = {}): Promise<Stage> {
  const secured: TLSSocket[] = [];
  const failures: string[] = [];
  const onHandshakeFailure = ({ rawMessage }: NnrpError) => void failures.push(rawMessage);
  const settings = tlsServerSettings({ ...OWN, ...limits, handshakeTimeoutMs, onHandshakeFailure });
  const taken = (socket: TLSSocket) => void secured.push(socket.on('error', () => {}).resume());
  const handshakes = new TlsHandshakes(settings, taken);
  const server = createServer({ allowHalfOpen: true }, (connection) => handshakes.begin(connection));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanup.push(
    () => server.close(),
    () => handshakes.close(),
    () => secured.map((socket) => socket.destroy()),
  );
  return { handshakes, port: (server.address() as AddressInfo).port, secured, failures };
}

/** A peer that speaks no TLS by itself. */
async function stranger(port: number, ...bytes: Uint8Array[]): Promise<Socket> {
  return strangerFrom('127.0.0.1', port, ...bytes);
}

async function strangerFrom(localAddress: string, port: number, ...bytes: Uint8Array[]): Promise<Socket> {
  const socket = createConnection({ port, host: '127.0.0.1', localAddress });
  cleanup.push(() => socket.destroy());
  await once(socket, 'connect');
  socket.on('error', () => {}).resume();
  for (const part of bytes) socket.write(part);
  return socket;
}

/** Not `once`, which takes an error on the way for the end. */
function closed(socket: Socket): Promise<unknown> {
  return new Promise((resolve) => socket.once('close', resolve));
}

async function shakeHands(port: number, localAddress = '127.0.0.1'): Promise<TLSSocket> {
  const host = '127.0.0.1';
  const socket = connect({ socket: createConnection({ port, host, localAddress }), host, ca: certificate });
  cleanup.push(() => socket.destroy());
  await once(socket, 'secureConnect');
  return socket.on('error', () => {});
}

function waitingAt(handshakes: TlsHandshakes): number | undefined {
  return handshakes.bounds.find(({ name }) => name === 'waitingTlsHandshakes')?.value();
}

describe('TLS handshakes', () => {
  it('cuts a peer that sends garbage, and reports it once', async () => {
    const { handshakes, port, failures } = await stage();
    const garbage = [Buffer.alloc(300), Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.from('NNRP'.padEnd(40, '\0'))];
    for (const bytes of garbage) await closed(await stranger(port, bytes));
    await eventually(() => failures).toEqual([
      expect.stringMatching(/^127\.0\.0\.1:\d+: the peer does not speak TLS/),
      expect.stringMatching(/: the peer speaks HTTP without TLS/),
      expect.stringMatching(/: the peer does not speak TLS/),
    ]);
    expect(handshakes.size).toBe(0);
  });

  it('forgets a peer that vanishes in the middle, in whichever way', async () => {
    const { handshakes, port, secured, failures } = await stage();
    (await stranger(port)).end();
    (await stranger(port, HALF_A_HELLO)).end();
    (await stranger(port, HALF_A_HELLO)).destroy();
    (await stranger(port, HALF_A_HELLO)).resetAndDestroy();
    await eventually(() => failures.length).toBe(4);
    for (const failure of failures) expect(failure).toMatch(/handshake was not completed: the peer went/);
    expect([handshakes.size, secured.length]).toEqual([0, 0]);
  });

  it('cuts a peer that says nothing, and one that prolongs it byte by byte', async () => {
    const { handshakes, port, failures } = await stage(100);
    const silent = await stranger(port);
    const dripping = await stranger(port);
    let sent = 0;
    const drip = setInterval(() => dripping.write(HALF_A_HELLO.subarray(sent, ++sent)), 10);
    cleanup.push(() => clearInterval(drip));
    const started = performance.now();
    await Promise.all([closed(silent), closed(dripping)]);
    expect(performance.now() - started).toBeLessThan(5000);
    await eventually(() => failures.length).toBe(2);
    for (const failure of failures) expect(failure).toMatch(/or took longer than 100 ms/);
    expect(handshakes.size).toBe(0);
  });

  it('leaves a connection alone once its handshake is complete', async () => {
    const { handshakes, port, secured, failures } = await stage(80);
    const socket = await shakeHands(port);
    await eventually(() => secured.length).toBe(1);
    expect(handshakes.size).toBe(0);
    // As long as another one takes to be cut, which began later.
    await closed(await stranger(port));
    await eventually(() => failures.length).toBe(1);
    expect([socket.destroyed, secured[0]?.destroyed]).toEqual([false, false]);
  });

  it('cuts the oldest beyond its limit, and the newcomer gets in', async () => {
    const { handshakes, port, secured, failures } = await stage(10_000, {
      maxHandshakes: 2,
      maxHandshakesPerAddress: 0,
    });
    const oldest = await stranger(port, HALF_A_HELLO);
    await eventually(() => handshakes.size).toBe(1);
    const other = await stranger(port, HALF_A_HELLO);
    await eventually(() => handshakes.size).toBe(2);
    await shakeHands(port);
    await eventually(() => secured.length).toBe(1);
    await eventually(() => [handshakes.size, oldest.destroyed, other.destroyed]).toEqual([1, true, false]);
    await eventually(() => failures).toEqual([
      expect.stringMatching(/^127\.0\.0\.1:\d+: the handshake made room for others that have begun since$/),
    ]);
  });

  it('cuts the oldest of an address that has its fill when they have had a second, and nobody else', async () => {
    const limits = { maxHandshakes: 100, maxHandshakesPerAddress: 3 };
    const { handshakes, port, secured, failures } = await stage(10_000, limits);
    const honest = await strangerFrom('127.0.0.2', port, HALF_A_HELLO);
    await eventually(() => handshakes.size).toBe(1);
    const crowd: Socket[] = [];
    for (let count = 0; count < 20; count++) crowd.push(await stranger(port));
    await eventually(() => waitingAt(handshakes)).toBe(17);
    expect([handshakes.size, failures]).toEqual([4, []]);
    // Before all that wait: it is the newest.
    await shakeHands(port);
    await eventually(() => secured.length).toBe(1);
    expect(crowd.slice(0, 3).map(({ destroyed }) => destroyed)).toContain(true);
    expect(crowd.slice(3, -3).map(({ destroyed }) => destroyed)).not.toContain(true);
    expect(honest.destroyed).toBe(false);
  });

  it.each([
    ['of one address', { maxHandshakes: 100, maxHandshakesPerAddress: 2 }],
    ['in all', { maxHandshakes: 2, maxHandshakesPerAddress: 0 }],
  ])('lets all of a crowd in, one after the other, whatever there may be %s', async (_what, limits) => {
    const { handshakes, port, secured, failures } = await stage(10_000, limits);
    await Promise.all(Array.from({ length: 30 }, () => shakeHands(port)));
    await eventually(() => secured.length).toBe(30);
    expect([failures, handshakes.size, waitingAt(handshakes)]).toEqual([[], 0, 0]);
  });

  it('lets so many wait, and cuts the one that has waited longest for one more', async () => {
    const { handshakes, port, failures } = await stage(10_000, { maxHandshakes: 1, maxHandshakesPerAddress: 0 });
    const hits: string[] = [];
    handshakes.onBoundHit = (name) => hits.push(name);
    const drip = await stranger(port, HALF_A_HELLO);
    await eventually(() => handshakes.size).toBe(1);
    const crowd: Socket[] = [];
    // On a slow machine some begin meanwhile.
    for (let more = 1025; more > 0; more--) crowd.push(await stranger(port, HALF_A_HELLO));
    while (!hits.includes('waitingTlsHandshakes')) crowd.push(await stranger(port, HALF_A_HELLO));
    await eventually(() => crowd[0]?.destroyed).toBe(true);
    expect(failures).toContainEqual(expect.stringMatching(/made room for others/));
    expect(handshakes.bounds.at(-1)?.value()).toBeLessThanOrEqual(1024);
    drip.destroy();
  });

  it('lets the addresses take turns, however many of one wait', async () => {
    const { handshakes, port, secured } = await stage(10_000, { maxHandshakes: 2, maxHandshakesPerAddress: 0 });
    for (let count = 0; count < 12; count++) await strangerFrom('127.0.0.2', port, HALF_A_HELLO);
    await eventually(() => waitingAt(handshakes)).toBe(10);
    const honest = shakeHands(port, '127.0.0.3');
    await eventually(() => waitingAt(handshakes)).toBe(11);
    for (let count = 0; count < 10; count++) await strangerFrom('127.0.0.2', port, HALF_A_HELLO);
    await honest;
    await eventually(() => secured.length).toBe(1);
    // The two that were under way have had their time, and one of those that wait has begun beside it.
    expect(waitingAt(handshakes)).toBeGreaterThan(15);
  });

  it('lets others in through a flood that finishes nothing, once it is known how long they take', async () => {
    const { handshakes, port, secured } = await stage(10_000, { maxHandshakes: 8, maxHandshakesPerAddress: 0 });
    let hits = 0;
    handshakes.onBoundHit = () => hits++;
    await shakeHands(port);
    await eventually(() => secured.length).toBe(1);
    // More than have their time when each has two seconds, and fewer than when it has half of one.
    const flood = setInterval(() => void stranger(port, HALF_A_HELLO), 100);
    cleanup.push(() => clearInterval(flood));
    await eventually(() => hits).toBeGreaterThan(0);
    let tries = 0;
    while (secured.length < 11) {
      tries++;
      const before = secured.length;
      const socket = await shakeHands(port).catch(() => undefined);
      // The client is done before the server is, which may cut it yet.
      if (socket !== undefined)
        await Promise.race([closed(socket), eventually(() => secured.length > before).toBe(true)]);
    }
    expect(tries).toBeLessThan(30);
  });

  it('forgets one that waits and vanishes, and ends all that wait when it is closed', async () => {
    const { handshakes, port, failures } = await stage(10_000, { maxHandshakes: 1, maxHandshakesPerAddress: 0 });
    await stranger(port, HALF_A_HELLO);
    const [gone, other] = [await stranger(port), await stranger(port)];
    await eventually(() => waitingAt(handshakes)).toBe(2);
    gone.resetAndDestroy();
    await eventually(() => waitingAt(handshakes)).toBe(1);
    handshakes.close();
    await closed(other);
    expect([waitingAt(handshakes), failures]).toEqual([0, []]);
  });

  it('lets one go that ends while it waits without having sent anything', async () => {
    const { handshakes, port } = await stage(10_000, { maxHandshakes: 1, maxHandshakesPerAddress: 0 });
    await stranger(port, HALF_A_HELLO);
    await eventually(() => handshakes.size).toBe(1);
    const ended = await stranger(port);
    const end = closed(ended);
    await eventually(() => waitingAt(handshakes)).toBe(1);
    // Its turn would come after a second; it would have its place for ten then.
    ended.end();
    await eventually(() => waitingAt(handshakes)).toBe(0);
    await end;
    expect(handshakes.size).toBe(1);
  });

  it('keeps who has begun to speak over who is silent, when those have had a second', async () => {
    const limits = { maxHandshakes: 3, maxHandshakesPerAddress: 0 };
    const { handshakes, port, failures } = await stage(10_000, limits);
    const slow = await stranger(port, HALF_A_HELLO);
    await eventually(() => handshakes.size).toBe(1);
    const silent = [await stranger(port), await stranger(port)];
    await eventually(() => handshakes.size).toBe(3);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    await stranger(port);
    await eventually(() => failures.length).toBe(1);
    await eventually(() => [slow, ...silent].map(({ destroyed }) => destroyed)).toEqual([false, true, false]);
  });

  it('are told apart from others by bounds that count', async () => {
    const { handshakes, port } = await stage(10_000, { maxHandshakes: 2, maxHandshakesPerAddress: 1 });
    const hits: string[] = [];
    handshakes.onBoundHit = (name) => hits.push(name);
    for (const from of ['127.0.0.2', '127.0.0.2', '127.0.0.3', '127.0.0.4']) await strangerFrom(from, port);
    await eventually(() => hits).toEqual(['addressTlsHandshakes', 'tlsHandshakes']);
    expect(handshakes.bounds.map(({ name, bound, value }) => [name, bound, value()])).toEqual([
      ['tlsHandshakes', 2, 2],
      ['addressTlsHandshakes', 1, 1],
      ['waitingTlsHandshakes', 1024, 2],
    ]);
  });

  it('ends those under way when it is closed, without a word', async () => {
    const { handshakes, port, failures } = await stage();
    const slow = [await stranger(port, HALF_A_HELLO), await stranger(port)];
    await eventually(() => handshakes.size).toBe(2);
    handshakes.close();
    await Promise.all(slow.map(closed));
    expect([handshakes.size, failures]).toEqual([0, []]);
  });

  it('goes on through a crowd of good, bad and silent peers, and loses none', async () => {
    const { handshakes, port, secured, failures } = await stage(5000);
    const crowd = Array.from({ length: 40 }, async (_, index) => {
      if (index % 4 === 0) (await stranger(port, HALF_A_HELLO)).destroy();
      else if (index % 4 === 1) await closed(await stranger(port, Buffer.alloc(20)));
      else await shakeHands(port);
    });
    await Promise.all(crowd);
    await eventually(() => [handshakes.size, secured.length, failures.length]).toEqual([0, 20, 20]);
  });
});

describe('a TLS listener', () => {
  it('accepts others while handshakes drag on, and ends those with itself', async () => {
    const failures: string[] = [];
    const onHandshakeFailure = ({ rawMessage }: NnrpError) => void failures.push(rawMessage);
    const listener = await TlsListener.bind('127.0.0.1:0', { ...OWN, onHandshakeFailure });
    cleanup.push(() => listener.close());
    const port = Number(listener.address.split(':')[1]);
    const slow = await Promise.all(Array.from({ length: 20 }, () => stranger(port, HALF_A_HELLO)));
    for (let count = 0; count < 5; count++) {
      const accepting = listener.accept();
      const connection = await new TlsConnector(listener.address, { roots: certificate }).connect();
      (await accepting).abort();
      connection.abort();
    }
    expect(slow.filter(({ destroyed }) => destroyed)).toEqual([]);
    const cut = Promise.all(slow.map(closed));
    await listener.close();
    await cut;
    expect(failures).toEqual([]);
  });
});
