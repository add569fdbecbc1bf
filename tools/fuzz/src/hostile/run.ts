import { pause } from '../targets/pledges.js';
import type { Addresses } from './addresses.js';
import type { Sent } from './attacker.js';
import type { Honest } from './honest-clients.js';
import { CONNECTIONS, MAX_GROWTH_BYTES, MAX_RESIDENT_BYTES } from './limits.js';
import { Player } from './processes.js';
import type { Vitals } from './vitals.js';

/*
 * Mutants by the million over sockets, three quarters of them against our server and the rest against our client. Each has
 * a process of its own that must not end, whose memory is watched all the while, and whose honest clients get their answers.
 */

const LOOK_MS = 500;
const TELL_MS = 10_000;
/** Unused connections are gone after this. */
const SETTLE_MS = 3000;
const MIB = 1024 * 1024;

/** @returns the exit code */
export async function runHostile(packets: number, seed: number): Promise<number> {
  console.log(`${packets} mutated packets over sockets, seed ${seed}, Node ${process.version}`);
  const startedAtMs = performance.now();
  const faults = [
    ...(await attackServer(Math.ceil((packets * 3) / 4), seed)),
    ...(await attackClients(Math.ceil(packets / 4), seed)),
  ];
  for (const fault of faults) console.log(`FAIL ${fault}`);
  console.log(`${((performance.now() - startedAtMs) / 1000).toFixed(0)} s in all`);
  console.log(faults.length === 0 ? 'hostile fuzz: passed' : `hostile fuzz: ${faults.length} misses`);
  return faults.length === 0 ? 0 : 1;
}

async function attackServer(packets: number, seed: number): Promise<string[]> {
  const server = new Player({ part: 'attacked server', seed });
  const to = await server.ask<Addresses>('begin');
  if (to === undefined) return [server.death ?? 'the attacked server did not begin'];
  const honest = new Player({ part: 'honest clients', seed, to });
  await honest.ask('begin');
  const attack = async (most: number, round: number) => {
    const numbers = Array.from({ length: CONNECTIONS }, (_, number) => number);
    const attacker = new Player({ part: 'attacker', seed: seed * 10 + round, to, numbers, packets: most });
    await attacker.ask('begin');
    const sent = await watched('server', server, attacker, most, ({ isDone }) => isDone === true);
    attacker.dismiss();
    await pause(SETTLE_MS);
    return sent;
  };
  // The first fifth warms up: code is compiled, tables are made.
  const first = await attack(Math.ceil(packets / 5), 1);
  const before = await server.ask<Vitals>('settle');
  const rest = await attack(packets - first.packets, 2);
  const after = await server.ask<Vitals>('settle');
  const got = await honest.ask<Honest>('end');
  const faults = [...judged('server', server, before, after), ...(got?.faults ?? ['the honest clients are gone'])];
  tell('server', add(first, rest), after);
  console.log(
    `honest clients: ${got?.answers} answers, ${got?.refusals} refusals, worst wait ${got?.worstMs.toFixed(0)} ms`,
  );
  for (const player of [honest, server]) player.dismiss();
  return faults;
}

async function attackClients(packets: number, seed: number): Promise<string[]> {
  const hostile = new Player({ part: 'hostile server', seed });
  const to = await hostile.ask<Addresses>('begin');
  if (to === undefined) return [hostile.death ?? 'the hostile server did not begin'];
  const clients = new Player({ part: 'attacked clients', seed, to });
  await clients.ask('begin');
  const fifth = packets / 5;
  const first = await watched('client', clients, hostile, fifth, (sent) => sent.packets >= fifth);
  const before = await clients.ask<Vitals>('settle');
  const all = await watched('client', clients, hostile, packets, (sent) => sent.packets >= packets);
  await clients.ask('end');
  await pause(SETTLE_MS);
  const after = await clients.ask<Vitals>('settle');
  const faults = judged('client', clients, before, after);
  if (all.packets <= first.packets) faults.push('client: nothing was sent any more');
  tell('client', all, after);
  for (const player of [hostile, clients]) player.dismiss();
  return faults;
}

/** Looks on until enough was sent, the attacked process has ended, or its attacker has. */
async function watched(
  role: string,
  attacked: Player,
  attacker: Player,
  packets: number,
  isEnough: (sent: Sent & { readonly isDone?: boolean }) => boolean,
): Promise<Sent> {
  const startedAtMs = performance.now();
  let toldMs = startedAtMs;
  let last: Sent = { packets: 0, read: 0, connections: 0 };
  while (attacked.death === undefined) {
    const sent = await attacker.ask<Sent & { isDone?: boolean }>('sent');
    if (sent === undefined) throw new Error(`the attacker of the ${role} has ended: ${attacker.death}`);
    last = sent;
    if (isEnough(sent)) break;
    if (performance.now() - toldMs > TELL_MS) {
      toldMs = performance.now();
      const rate = sent.packets / ((toldMs - startedAtMs) / 1000);
      console.log(`${role}: ${sent.packets} of ${Math.round(packets)} packets, ${rate.toFixed(0)}/s`);
    }
    await pause(LOOK_MS);
  }
  return last;
}

function judged(role: string, player: Player, before: Vitals | undefined, after: Vitals | undefined): string[] {
  if (player.death !== undefined) return [player.death];
  if (before?.settledHeap === undefined || after?.settledHeap === undefined) return [`the ${role} says nothing`];
  const faults = [...before.faults, ...after.faults].map((fault) => `${role}: ${fault}`);
  const residentMax = Math.max(before.residentMax, after.residentMax);
  if (residentMax > MAX_RESIDENT_BYTES) {
    faults.push(`${role}: ${mib(residentMax)} resident, at most ${mib(MAX_RESIDENT_BYTES)}`);
  }
  const growth = after.settledHeap - before.settledHeap;
  if (growth > MAX_GROWTH_BYTES) {
    faults.push(
      `${role}: heap ${mib(growth)} more at the end than after the first fifth, at most ${mib(MAX_GROWTH_BYTES)}`,
    );
  }
  return faults;
}

function tell(role: string, { packets, read, connections }: Sent, vitals: Vitals | undefined): void {
  console.log(`${role}: ${packets} packets on ${connections} connections, ${read} with a PONG behind them`);
  if (vitals === undefined) return;
  const { residentMax, heapMax, settledHeap = 0, notes } = vitals;
  console.log(
    `${role}: most resident ${mib(residentMax)} (bound ${mib(MAX_RESIDENT_BYTES)}), most heap ${mib(heapMax)}, ` +
      `at the end ${mib(settledHeap)}; ${JSON.stringify(notes)}`,
  );
}

function add(one: Sent, other: Sent): Sent {
  return {
    packets: one.packets + other.packets,
    read: one.read + other.read,
    connections: one.connections + other.connections,
  };
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(0)} MiB`;
}
