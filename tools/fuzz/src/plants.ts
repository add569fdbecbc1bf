import type { Role, State, Style } from './conversation.js';
import { HEALTHY } from './road.js';

/** Where a fault is planted: a method of the runtime, which throws when an attacker has brought it about. */
export interface Plant {
  readonly role: Role;
  /** File of the runtime below dist, without its ending. */
  readonly file: string;
  readonly owner: string;
  readonly method: string;
  /** Only for packets of this message type. */
  readonly messageType?: number;
  /** The application that reaches it; default serve. */
  readonly style?: Style;
  /** States in which it is looked for first. */
  readonly states?: readonly State[];
  /** It is the last that gives something back, so that this is lost with it; all else must be in order still. */
  readonly last?: boolean;
  /** It runs inside a call of the application, whose promise rejects with the fault: that is a report, too. */
  readonly called?: boolean;
}

type Row = readonly [file: string, owner: string, methods: string, more?: Partial<Plant>];

const BUSY: Partial<Plant> = { states: ['busy', 'open', 'paused'] };

const SERVER: readonly Row[] = [
  // The connection's own messages.
  ['server/connection/connection-router', 'ConnectionRouter', 'hello probed flowUpdated errorArrived violated'],
  ['server/connection/connection-router', 'ConnectionRouter', 'unknownSession dropFrame'],
  ['server/connection/server-connection', 'ServerConnection', 'granted announced'],
  ['server/opening/open-refusals', 'OpenRefusals', 'refused'],
  ['connection/connection', 'Connection', 'receivedByAnyRole', { messageType: 0x20 }],
  ['connection/connection', 'Connection', 'receivedByAnyRole', { messageType: 0x21 }],
  ['connection/connection', 'Connection', 'receivedByAnyRole', { messageType: 0x05 }],
  [
    'server/opening/session-opening',
    'SessionOpening',
    'request decide answerInTurn advance answerDecided wait',
    { states: ['asking', 'fresh'] },
  ],
  // Those of a session.
  [
    'server/session/session-router',
    'SessionRouter',
    'submitted cancelled flowUpdated objectPut violated failSession',
    { states: ['open', 'busy', 'draining'] },
  ],
  ['server/session/session-patches', 'SessionPatches', 'received', { states: ['open', 'busy', 'draining'] }],
  ['server/session/session-migrations', 'SessionMigrations', 'received', { states: ['open', 'busy', 'draining'] }],
  [
    'server/session/session-router',
    'SessionRouter',
    'objectsInvalidated closeRequested errorArrived usedBefore unsupported',
  ],
  ['server/session/session-closing', 'SessionClosing', 'requestedByClient answered drainAndAnswer sendAck sendClose'],
  [
    'server/inbox/session-inbox',
    'SessionInbox',
    'submit pushSubmit cancel patch migrate close',
    { style: 'receive', states: ['busy', 'open', 'closing'] },
  ],
  ['server/inbox/session-inbox', 'SessionInbox', 'event', { style: 'events' }],
  ['server/serve/served-session', 'ServedSession', 'submit cancel patch migrate close event ended', BUSY],
  ['server/serve/handler-service', 'HandlerService', 'submit ended call settle fail', BUSY],
  ['server/serve/source-reader', 'SourceReader', 'begin', BUSY],
  ['server/serve/message-handlers', 'MessageHandlers', 'cancel patch migrate close event ended aside answer', BUSY],
  ['server/serve/paused-sessions', 'PausedSessions', 'pause resume', { states: ['busy'] }],
  ['server/serve/dispatcher', 'Dispatcher', 'submit', BUSY],
  ['server/serve/dispatcher', 'Dispatcher', 'comesOn', { ...BUSY, last: true }],
  ['server/serve/dispatcher', 'Dispatcher', 'withdraw leave', { ...BUSY, last: true }],
  ['server/operation/session-operations', 'SessionOperations', 'admit useUpId started cancelled expire dropAll', BUSY],
  ['server/session/session-cache', 'SessionCache', 'put invalidate'],
  ['server/operation/result-gate', 'ResultGate', 'recheck operationEnded', { states: ['paused'], last: true }],
  ['server/operation/result-gate', 'ResultGate', 'mustWait', { states: ['paused'], called: true }],
  // What gives back what a connection has held.
  ['server/session/session-router', 'SessionRouter', 'disconnected'],
  ['server/session/server-session', 'ServerSession', 'fail allAnswered'],
  ['server/session/server-session', 'ServerSession', 'end operationEnded', { last: true }],
  ['server/operation/session-operations', 'SessionOperations', 'end answered', { ...BUSY, last: true }],
  ['server/inbox/session-inbox', 'SessionInbox', 'ended', { style: 'receive', last: true }],
  ['server/inbox/session-inbox', 'SessionInbox', 'readOn withdraw', { style: 'receive' }],
  ['server/session/session-closing', 'SessionClosing', 'wake'],
  ['server/operation/operation', 'Operation', 'end settle', { ...BUSY, last: true }],
  ['server/opening/session-opening', 'SessionOpening', 'end'],
  ['server/connection/connection-timers', 'ConnectionTimers', 'end startHandshake endHandshake'],
  ['server/connection/server-connection', 'ServerConnection', 'onEnded sessionEnded'],
  ['connection/connection', 'Connection', 'transportEnded fail close'],
  ['connection/sending/outbox', 'Outbox', 'end flushAll'],
  ['connection/pings', 'Pings', 'end'],
  // Time, and room to send.
  ['server/connection/server-connection', 'ServerConnection', 'watch'],
  ['server/operation/operation', 'Operation', 'expired'],
  ['connection/sending/outbox', 'Outbox', 'drained flush wake send'],
];

const CLIENT: readonly Row[] = [
  ['client/connection/client-connection', 'ClientConnection', 'helloAnswered flowUpdated stray violated openAnswered'],
  ['client/connection/client-connection', 'ClientConnection', 'receive', { messageType: 0x06 }],
  ['connection/connection', 'Connection', 'receivedByAnyRole', { messageType: 0x20 }],
  ['connection/connection', 'Connection', 'receivedByAnyRole', { messageType: 0x21 }],
  ['connection/connection', 'Connection', 'receivedByAnyRole', { messageType: 0x05 }],
  ['client/connection/session-opening', 'SessionOpening', 'answered', { states: ['opening'] }],
  ['client/hello/hello-exchange', 'HelloExchange', 'answered', { states: ['greeting'] }],
  ['client/connection/client-probes', 'ClientProbes', 'answered'],
  [
    'client/session/session-router',
    'SessionRouter',
    'dropped flowUpdated errorArrived objectOffered answered stray violated fail',
  ],
  ...[0x12, 0x18, 0x04, 0x1c, 0x15, 0x16, 0x09, 0x0a].map(
    (messageType): Row => ['client/session/session-router', 'SessionRouter', 'receive', { messageType }],
  ),
  ['client/submits/client-submits', 'ClientSubmits', 'resultArrived dropped failed finished release'],
  ['client/submits/submit-line', 'SubmitLine', 'flowUpdated'],
  [
    'client/session/client-requests',
    'ClientRequests',
    'patchAnswered migrateAnswered cacheAnswered rejectOnly',
    { states: ['asking'] },
  ],
  [
    'client/session/session-closing',
    'SessionClosing',
    'answered askedByServer nothingInFlight confirm',
    { states: ['closing', 'draining'] },
  ],
  ['client/results/client-operation', 'ClientOperation', 'push', { states: ['busy'] }],
  ['client/submits/cancelled-frames', 'CancelledFrames', 'releaseDue isReleased'],
  ['client/results/read-gate', 'ReadGate', 'add', { states: ['busy'], last: true }],
  ['client/submits/connection-flow', 'ConnectionFlow', 'update serveAll serve', { states: ['busy'] }],
  // Counters of a connection that is over by then.
  ['client/submits/connection-flow', 'ConnectionFlow', 'finished', { states: ['busy'], last: true }],
  ['client/submits/cancelled-frames', 'CancelledFrames', 'answered', { last: true }],
  ['client/session/session-router', 'SessionRouter', 'disconnected'],
  ['client/session/client-session', 'NnrpClientSession', 'end', { last: true }],
  ['client/submits/client-submits', 'ClientSubmits', 'end', { last: true }],
  ['client/session/client-requests', 'ClientRequests', 'end'],
  ['client/session/session-closing', 'SessionClosing', 'settle', { last: true }],
  ['client/connection/session-opening', 'SessionOpening', 'end', { last: true }],
  ['client/hello/hello-exchange', 'HelloExchange', 'end', { last: true }],
  ['client/connection/client-probes', 'ClientProbes', 'end', { last: true }],
  ['client/results/client-operation', 'ClientOperation', 'fail', { states: ['busy'], last: true }],
  ['client/connection/client-connection', 'ClientConnection', 'sessionEnded transportEnded'],
  ['client/connection/client-connection', 'ClientConnection', 'onEnded', { last: true }],
  ['connection/connection', 'Connection', 'fail close'],
  ['connection/sending/outbox', 'Outbox', 'end flushAll drained flush wake'],
  ['connection/pings', 'Pings', 'answered'],
  ['connection/pings', 'Pings', 'end', { last: true }],
];

export const PLANTS: readonly Plant[] = [...expand('server', SERVER), ...expand('client', CLIENT)];

function expand(role: Role, rows: readonly Row[]): Plant[] {
  return rows.flatMap(([file, owner, methods, more]) =>
    methods.split(' ').map((method) => ({ role, file, owner, method, ...more })),
  );
}

export function nameOf({ role, owner, method, messageType }: Plant): string {
  return `${role}: ${owner}.${method}${messageType === undefined ? '' : ` of 0x${messageType.toString(16)}`}`;
}

export class PlantedFault extends Error {
  constructor(plant: Plant) {
    super(`planted: ${nameOf(plant)}`);
  }
}

type Method = (this: unknown, ...args: unknown[]) => unknown;

/**
 * Makes the method throw, save for the client that does not attack.
 * @param fired - told of each throw
 * @returns takes the fault out again
 */
export async function plant(where: Plant, fired: () => void): Promise<() => void> {
  const url = new URL(`./${where.file}.js`, import.meta.resolve('nnrp-runtime'));
  const module = (await import(url.href)) as Record<string, { readonly prototype: Record<string, Method> }>;
  const prototype = module[where.owner]?.prototype;
  const original = prototype?.[where.method];
  if (prototype === undefined || original === undefined) throw new Error(`${nameOf(where)}: there is no such method`);
  prototype[where.method] = function (this: unknown, ...args: unknown[]) {
    if (!concernsAttack(this, args) || !isOfType(args, where.messageType)) return original.apply(this, args);
    fired();
    throw new PlantedFault(where);
  };
  return () => {
    prototype[where.method] = original;
  };
}

function isOfType(args: readonly unknown[], messageType: number | undefined): boolean {
  return messageType === undefined || (args[0] as { messageType?: unknown }).messageType === messageType;
}

/** Ways from an object of the runtime to the connection it belongs to. */
const WAYS = ['connection', 'submit', 'owner', 'session', 'operations', 'transport', 'target', 'inside'];

function concernsAttack(start: unknown, args: readonly unknown[]): boolean {
  const addresses = [start, ...args].map((thing) => addressOf(thing, 4)).filter((address) => address !== undefined);
  return !addresses.includes(HEALTHY);
}

function addressOf(thing: unknown, depth: number): string | undefined {
  if (typeof thing !== 'object' || thing === null) return undefined;
  const { remoteAddress } = thing as { remoteAddress?: unknown };
  if (typeof remoteAddress === 'string') return remoteAddress;
  if (depth === 0) return undefined;
  for (const way of WAYS) {
    const found = addressOf((thing as Record<string, unknown>)[way], depth - 1);
    if (found !== undefined) return found;
  }
  return undefined;
}
