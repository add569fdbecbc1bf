import type { ClientCounts } from './client-process.js';
import type { Footprint } from './faults.js';
import type { ServerCounts } from './server-process.js';

const MIB = 1024 * 1024;
/** Part of the heap by which it may be larger afterwards. */
const MAX_GROWTH = 0.1;

/** Everything a soak has found out. */
export interface SoakResult {
  readonly served: ServerCounts;
  readonly called: ClientCounts;
  /** What the clients had counted when the warm-up was over. */
  readonly warm: ClientCounts;
  /** The server at rest, without a connection: before the load, after it, and after it was closed. */
  readonly before: Footprint;
  readonly after: Footprint;
  readonly closed: Footprint;
  readonly loadMs: number;
}

export function progressLine(
  elapsedMs: number,
  served: ServerCounts,
  { frames, hostile, faults }: ClientCounts,
): string {
  return [
    `${(elapsedMs / 1000).toFixed(0).padStart(4)} s`,
    `${served.connections} connections, ${served.sessions} sessions`,
    `frames ${frames.submitted} submitted, ${frames.answered} answered, ${frames.double} double, ${frames.lost} lost`,
    `${frames.partials} partial results, ${served.inHand} in hand, ${hostile} hostile visits`,
    `${served.faults + faults} faults`,
  ].join('; ');
}

export function warmLine(round: number, { heapUsed, code }: Footprint): string {
  return `warm-up ${round}: heap of the server at rest ${mib(heapUsed)}, of that compiled code ${mib(code)}`;
}

export function finalReport({ served, called, warm, before, after, closed, loadMs }: SoakResult): string {
  const { frames } = called;
  const counted = frames.submitted - warm.frames.submitted;
  const row = (name: string, value: string | number) => `${name.padEnd(52)}${value}`;
  return [
    '',
    row('frames submitted, warm-up included', frames.submitted),
    row('frames submitted per second of the load', Math.round((counted / loadMs) * 1000)),
    row('answered exactly once', frames.answered),
    row('answered twice', frames.double),
    row('answers to no frame / after the end of a session', `${frames.unasked} / ${frames.late}`),
    row('sent, and the application was told that they were not', frames.denied),
    row('lost: no answer in a session that ended well', frames.lost),
    row('without answer because their client vanished', frames.vanished),
    row('partial results', frames.partials),
    row('of those lost, doubled or out of order', frames.partialsAstray),
    row('connections cut / clients back', `${called.cuts} / ${frames.resumed}`),
    row('sessions of clients cut off before the first', frames.neverOpened),
    row('visits of hostile peers', called.hostile),
    row('server: taken by handlers, of hostile visits too', served.taken),
    row('server: answered / signal aborted / neither', `${served.answered} / ${served.aborted} / ${served.lost}`),
    row('server: most frames of one session in hand', served.mostInHand),
    row('server: broken rules / connections lost', `${served.violations} / ${served.connectionsLost}`),
    row(
      'server: sessions suspended / resumed / expired',
      `${served.suspended} / ${served.resumed} / ${served.expired}`,
    ),
    row(
      'server: left over: sessions, connections, work',
      `${served.sessions}, ${served.connections}, ${served.inHand}`,
    ),
    row(
      'server: heap at rest before and after',
      `${mib(before.heapUsed)}, ${mib(after.heapUsed)} (${growth(before, after)})`,
    ),
    row('server: compiled code of that', `${mib(before.code)}, ${mib(after.code)}`),
    row('server: resident before and after', `${mib(before.resident)}, ${mib(after.resident)}`),
    row('server: handles before and after', `${handles(before)}; ${handles(after)}`),
    row('server: handles once closed', handles(closed)),
    row('unhandled or unexpected: server, clients', `${served.faults}, ${called.faults}`),
  ].join('\n');
}

/** What must not be; none when the soak has passed. */
export function misses({ served, called, before, after, closed }: SoakResult): string[] {
  const { frames } = called;
  const found: string[] = [];
  const none = (what: string, count: number) => {
    if (count !== 0) found.push(`${what}: ${count}`);
  };
  none('frames answered twice', frames.double);
  none('answers to no frame', frames.unasked);
  none('answers after the end of a session', frames.late);
  none('frames lost', frames.lost);
  none('frames sent that the application was told were not', frames.denied);
  none('partial results astray', frames.partialsAstray);
  none('frames in no book', frames.submitted - frames.answered - frames.lost - frames.vanished);
  none('frames that ended without answer and without abort', served.lost);
  none('frames in hand at the end', served.inHand);
  none('frames of handlers in no book', served.taken - served.answered - served.aborted - served.lost - served.inHand);
  none('sessions left', served.sessions);
  none('connections left', served.connections);
  none('sessions left that wait for their clients', served.waiting);
  none('sockets left once closed', sockets(closed));
  none('sockets more than before', Math.max(0, sockets(after) - sockets(before)));
  if (after.heapUsed > before.heapUsed * (1 + MAX_GROWTH)) found.push(`heap of the server: ${growth(before, after)}`);
  for (const odd of frames.odd) found.push(`frame: ${odd}`);
  for (const fault of served.firstFaults) found.push(`server: ${fault}`);
  for (const fault of called.firstFaults) found.push(`client: ${fault}`);
  return found;
}

function sockets({ handles }: Footprint): number {
  return (handles['TCPSocketWrap'] ?? 0) + (handles['TCPServerWrap'] ?? 0);
}

function growth(before: Footprint, after: Footprint): string {
  const part = (after.heapUsed / before.heapUsed - 1) * 100;
  return `${part >= 0 ? '+' : ''}${part.toFixed(1)} %`;
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(2)} MiB`;
}

function handles({ handles }: Footprint): string {
  return Object.entries(handles)
    .map(([kind, count]) => `${count} ${kind}`)
    .join(', ');
}
