import dns from 'node:dns';
import { EventEmitter } from 'node:events';
import net, { type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Dialing } from './dialing.js';

/** A socket that connects when a test says so. */
class Steered extends EventEmitter {
  destroyed = false;

  constructor(readonly host: string) {
    super();
  }

  destroy(): void {
    this.destroyed = true;
  }
}

const sockets: Steered[] = [];
beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(net, 'createConnection').mockImplementation((({ host }: { host: string }) => {
    const socket = new Steered(host);
    sockets.push(socket);
    return socket;
  }) as never);
});
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.restoreAllMocks();
  vi.useRealTimers();
  sockets.length = 0;
});

async function dial(...addresses: string[]) {
  vi.spyOn(dns, 'lookup').mockImplementation(((_host: string, _options: object, done: CallableFunction) =>
    done(
      null,
      addresses.map((address) => ({ address, family: net.isIP(address) })),
    )) as never);
  const told = { connected: vi.fn(), failed: vi.fn() };
  const dialing = new Dialing({ host: 'many.test', port: 1 }, 10_000, {}, told);
  // What the lookup has answered counts when the code that asks has returned.
  await new Promise<void>((resolve) => process.nextTick(resolve));
  return { told, dialing };
}

const asked = () => sockets.map(({ host }) => host);
const refused = (code = 'ECONNREFUSED') => Object.assign(new Error('no'), { code, syscall: 'connect' });

describe('dialing a name', () => {
  it('goes on with each address beside the next ones, until one has answered', async () => {
    const { told, dialing } = await dial('10.0.0.1', '10.0.0.2', '10.0.0.3');
    expect(asked()).toEqual(['10.0.0.1']);
    vi.advanceTimersByTime(250);
    expect(asked()).toEqual(['10.0.0.1', '10.0.0.2']);
    vi.advanceTimersByTime(5000);
    expect([asked().length, sockets.filter(({ destroyed }) => destroyed)]).toEqual([3, []]);
    sockets[0]?.emit('connect');
    expect(told.connected.mock.calls).toEqual([[sockets[0]]]);
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([false, true, true]);
    expect(dialing.describe()).toBe('10.0.0.1:1 has taken the connection, and said nothing since');
    // What comes after that belongs to the owner of the socket.
    sockets[0]?.emit('error', refused());
    sockets[1]?.emit('connect');
    expect([told.connected.mock.calls.length, told.failed.mock.calls.length]).toEqual([1, 0]);
  });

  it('goes on at once when one has failed, and fails with all of them', async () => {
    const { told, dialing } = await dial('10.0.0.1', '10.0.0.2', '10.0.0.1');
    sockets[0]?.emit('error', refused());
    expect(asked()).toEqual(['10.0.0.1', '10.0.0.2']);
    expect(dialing.describe()).toBe('10.0.0.1:1: nothing listens there (ECONNREFUSED), 10.0.0.2:1: no answer');
    sockets[1]?.emit('error', refused('EHOSTUNREACH'));
    expect(told.failed.mock.calls).toEqual([
      [expect.objectContaining({ errors: [refused(), refused('EHOSTUNREACH')] })],
    ]);
  });

  it('waits for those that are slow when the last one has failed', async () => {
    const { told } = await dial('10.0.0.1', '10.0.0.2');
    vi.advanceTimersByTime(250);
    sockets[1]?.emit('error', refused());
    expect(told.failed).not.toHaveBeenCalled();
    sockets[0]?.emit('connect');
    expect(told.connected).toHaveBeenCalledOnce();
  });

  it('takes the families by turns', async () => {
    const { dialing } = await dial('::1', '::2', '::3', '10.0.0.1', '10.0.0.2');
    vi.advanceTimersByTime(2000);
    expect(asked()).toEqual(['::1', '10.0.0.1', '::2', '10.0.0.2', '::3']);
    dialing.end();
  });

  it('ends all of them when it is given up', async () => {
    const { told, dialing } = await dial('10.0.0.1', '10.0.0.2', '10.0.0.3');
    vi.advanceTimersByTime(250);
    dialing.end();
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true, true]);
    sockets[0]?.emit('connect');
    sockets[1]?.emit('error', refused());
    vi.advanceTimersByTime(1000);
    expect([asked().length, told.connected.mock.calls.length, told.failed.mock.calls.length]).toEqual([2, 0, 0]);
  });

  it('cuts the socket, and tells, when who gets it throws', async () => {
    const { told } = await dial('10.0.0.1');
    told.connected.mockImplementation((_: Socket) => {
      throw new Error('not that one');
    });
    sockets[0]?.emit('connect');
    expect(sockets[0]?.destroyed).toBe(true);
    expect(told.failed.mock.calls).toEqual([[new Error('not that one')]]);
  });

  it('fails when there is no address', async () => {
    const { told } = await dial();
    expect(told.failed.mock.calls).toEqual([
      [expect.objectContaining({ rawMessage: "the name 'many.test' has no address" })],
    ]);
  });
});
