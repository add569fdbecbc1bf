import type { TimeoutError } from 'nnrp-core';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { eventually } from '../../test/support/eventually.js';
import { Pings } from './pings.js';

afterEach(() => {
  vi.restoreAllMocks();
});

it.each([
  ['whose peer takes hardly anything', { isSending: true, isPaused: false }],
  ['whose results nobody reads', { isSending: false, isPaused: true }],
])(
  'a PING over a connection %s has an end for who asked, and the connection is kept and watched on',
  async (_, hindered) => {
    const clock = performance.now.bind(performance);
    let aheadMs = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => clock() + aheadMs);
    let state = hindered;
    let looks = 0;
    const timedOut: unknown[] = [];
    const pings = new Pings({
      sendPing: () => {},
      pingTimedOut: (error) => timedOut.push(error) < 0,
      crashed: (error) => expect.unreachable(String(error)),
      get isSending() {
        looks++;
        return state.isSending;
      },
      get reading() {
        return { stops: 0, isPaused: state.isPaused };
      },
      packetCount: 0,
      unfinishedBytes: 0,
    });
    const told = vi.fn();
    const asked = pings.ping(5);
    asked.catch(told);
    await eventually(() => looks > 2, 'it is excused');
    expect(told).not.toHaveBeenCalled();
    aheadMs = 60_000;
    await expect(asked).rejects.toMatchObject({ code: 'NNRP_ERR_TIMEOUT' });
    const before = looks;
    await eventually(() => looks > before + 2, 'it is excused on');
    expect(timedOut).toEqual([]);
    state = { isSending: false, isPaused: false };
    await eventually(() => timedOut.length === 1, 'the connection is judged');
    pings.end(timedOut[0] as never);
  },
);

it('a PING whose PONG lies behind many packets is waited for while they come, and judged when none comes', async () => {
  let packetCount = 0;
  let looks = 0;
  const timedOut: TimeoutError[] = [];
  const pings = new Pings({
    sendPing: () => {},
    pingTimedOut: (error) => timedOut.push(error) < 0,
    crashed: (error) => expect.unreachable(String(error)),
    isSending: false,
    reading: { stops: 0, isPaused: false },
    get packetCount() {
      return ++looks < 20 ? ++packetCount : packetCount;
    },
    unfinishedBytes: 0,
  });
  pings.ping(5).catch(() => {});
  await eventually(() => timedOut.length === 1, 'the connection is judged');
  expect(looks).toBeGreaterThanOrEqual(20);
  // What it says is how long that was: at least ten times the limit, and a whole number of them.
  const [error] = timedOut;
  expect(error?.timeoutMs).toBeGreaterThanOrEqual(50);
  expect((error?.timeoutMs ?? 1) % 5).toBe(0);
  expect(error?.rawMessage).toBe(`no PONG within ${error?.timeoutMs} ms`);
  pings.end(error as never);
});

describe('a connection that was not read for a minute', () => {
  it('is kept while what comes before the PONG arrives', async () => {
    const clock = performance.now.bind(performance);
    let aheadMs = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => clock() + aheadMs);
    let packetCount = 0;
    let looks = 0;
    let isPaused = true;
    const timedOut: unknown[] = [];
    const pings = new Pings({
      sendPing: () => {},
      pingTimedOut: (error) => timedOut.push(error) < 0,
      crashed: (error) => expect.unreachable(String(error)),
      isSending: false,
      get reading() {
        looks++;
        return { stops: 0, isPaused };
      },
      get packetCount() {
        return ++packetCount;
      },
      unfinishedBytes: 0,
    });
    pings.fence(5);
    await eventually(() => looks > 4, 'it waits');
    aheadMs = 60_000;
    const held = looks;
    await eventually(() => looks > held + 4, 'it waits on');
    isPaused = false;
    const read = looks;
    await eventually(() => looks > read + 10, 'it is excused by what comes');
    expect(timedOut).toEqual([]);
    aheadMs = 120_000;
    await eventually(() => timedOut.length === 1, 'it has had a minute since');
    pings.end(timedOut[0] as never);
  });
});

it('a PING that is not watched takes the PONG in its place, costs nothing without it and keeps no other from being watched', async () => {
  const timedOut: unknown[] = [];
  let sent = 0;
  const pings = new Pings({
    sendPing: () => sent++,
    pingTimedOut: (error) => timedOut.push(error) < 0,
    crashed: (error) => expect.unreachable(String(error)),
    isSending: false,
    reading: { stops: 0, isPaused: false },
    packetCount: 0,
    unfinishedBytes: 0,
  });
  pings.unwatched();
  expect([sent, pings.waiting, pings.isAwaited]).toEqual([1, 1, false]);
  expect([pings.answered(), pings.waiting, pings.lastRoundTripMs]).toEqual([true, 0, undefined]);
  pings.unwatched();
  pings.fence(5);
  pings.unwatched();
  pings.fence(5);
  expect([pings.answered(), pings.answered(), pings.answered(), pings.isAwaited]).toEqual([true, true, true, true]);
  await eventually(() => timedOut.length === 1, 'the second fence is watched after the first');
  pings.end(timedOut[0] as never);
});
