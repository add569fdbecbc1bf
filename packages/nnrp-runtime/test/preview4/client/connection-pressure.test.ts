import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { ConnectionFlow, RoomTurn, type RoomWaiter } from '../../../src/client/submits/connection-flow.js';

const SESSIONS = 1000;
const PRESSURE = { scopeId: 0n, creditWindow: 0n, pressureReason: 0, retryAfterMs: 0, flags: 1 };
const SOFT = { ...PRESSURE, pressureLevel: 1 };
const CREDIT = { ...PRESSURE, creditWindow: 9n, pressureLevel: 0 };

const owner = {
  crashed: (error: unknown) => {
    throw error;
  },
};

/** A session whose submits wait until `mayGo`. */
class Waiter implements RoomWaiter {
  readonly isBackground = false;
  readonly roomTurn: RoomTurn = new RoomTurn(this);
  looks = 0;
  waiting = 1;
  mayGo = false;

  startNext(): ReturnType<RoomWaiter['startNext']> {
    this.looks++;
    if (this.waiting === 0) return 'empty';
    if (!this.mayGo) return 'blocked';
    this.waiting--;
    return 'started';
  }
}

function waitingSessions(): { flow: ConnectionFlow; sessions: Waiter[]; looks: () => number } {
  const flow = new ConnectionFlow(owner);
  const sessions = Array.from({ length: SESSIONS }, () => new Waiter());
  for (const session of sessions) flow.serve(session);
  for (const session of sessions) session.looks = 0;
  return { flow, sessions, looks: () => sessions.reduce((sum, { looks }) => sum + looks, 0) };
}

it('however often a server changes its mind about the connection at once, sessions that wait are looked at once', async () => {
  const { flow, looks } = waitingSessions();
  for (let count = 0; count < 100; count++) {
    flow.pressure.backpressure(SOFT);
    flow.pressed();
    flow.pressure.credit(CREDIT);
    flow.pressed();
  }
  await turn();
  expect(looks()).toBeLessThanOrEqual(2 * SESSIONS);
});

it('another level lets those go on that may', async () => {
  const { flow, sessions } = waitingSessions();
  flow.pressure.backpressure(SOFT);
  flow.pressed();
  await turn();
  for (const session of sessions) session.mayGo = true;
  flow.pressure.credit(CREDIT);
  flow.pressed();
  await turn();
  expect(sessions.map(({ waiting }) => waiting)).toEqual(sessions.map(() => 0));
});
