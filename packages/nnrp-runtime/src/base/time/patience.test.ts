import { once } from 'node:events';
import { createConnection, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { AttendedTime, Patience } from './patience.js';

const owner = {
  crashed: (error: unknown) => {
    throw error;
  },
};
const sockets: Socket[] = [];
let near: Socket;
let far: Socket;

beforeEach(async () => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const accepted = once(server, 'connection');
  near = createConnection(typeof address === 'object' && address !== null ? address.port : 0, '127.0.0.1');
  [far] = (await accepted) as [Socket];
  if (near.connecting) await once(near, 'connect');
  sockets.push(near, far);
  server.close();
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

/** Keeps the process busy, as a computation does that leaves no room for anything else. */
function block(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

it('a time limit that nobody meets is judged', async () => {
  await new Promise<void>((resolve) => new Patience(owner, 5, resolve));
});

it('what lay in the socket when the time was over counts', async () => {
  let judged = false;
  const patience = new Patience(owner, 20, () => {
    judged = true;
  });
  const heard = new Promise<void>((resolve) => {
    near.once('data', () => {
      patience.end();
      resolve();
    });
  });
  far.write('in time');
  block(60);
  await heard;
  await new Promise((resolve) => setTimeout(resolve, 40));
  expect(judged).toBe(false);
});

it('after a standstill the limit runs once more, and once only', async () => {
  const startMs = performance.now();
  const judged = new Promise<number>((resolve) => new Patience(owner, 30, () => resolve(performance.now() - startMs)));
  block(100);
  expect(await judged).toBeGreaterThan(125);
});

it('half the limit is a standstill, too: what takes several round trips has not had the rest', async () => {
  const startMs = performance.now();
  const judged = new Promise<number>((resolve) => new Patience(owner, 100, () => resolve(performance.now() - startMs)));
  block(150);
  expect(await judged).toBeGreaterThan(245);
});

it('a limit that has ended is not judged, also when its timer has fired already', async () => {
  let judged = false;
  const patience = new Patience(owner, 1, () => {
    judged = true;
  });
  block(5);
  // Timers come before this turn's end, the judgement two turns later.
  await new Promise((resolve) => setTimeout(resolve, 1));
  patience.end();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(judged).toBe(false);
});

it('attended time leaves a standstill out', () => {
  const clock = new AttendedTime(10);
  const before = clock.look();
  block(100);
  expect(clock.look() - before).toBe(20);
  block(5);
  expect(clock.look() - before).toBeLessThanOrEqual(40);
});
