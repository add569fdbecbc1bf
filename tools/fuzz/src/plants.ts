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
  ['server/server-connection', 'ServerConnection', 'hello probed flowUpdated errorArrived violated granted refused'],
  ['server/server-connection', 'ServerConnection', 'unknownSession dropFrame unsupported'],
  ['connection/connection', 'Connection', 'receivedByAnyRole', { messageType: 0x20 }],
  ['connection/connection', 'Connection', 'receivedByAnyRole', { messageType: 0x21 }],
  ['connection/connection', 'Connection', 'receivedByAnyRole', { messageType: 0x05 }],
  [
    'server/session-opening',
    'SessionOpening',
    'request decide answerInTurn advance answerDecided wait readExtensions',
    { states: ['asking', 'fresh'] },
  ],
  // Those of a session.
  [
    'server/session-intake',
    'SessionIntake',
    'submitted cancelled flowUpdated patched migrated objectPut violated refuse',
    { states: ['open', 'busy', 'draining'] },
  ],
  ['server/session-intake', 'SessionIntake', 'objectsInvalidated closeRequested errorArrived usedBefore'],
  ['server/session-closing', 'SessionClosing', 'requestedByClient answered drainAndAnswer sendAck sendClose'],
  [
    'server/session-inbox',
    'SessionInbox',
    'pushSubmit pushCancel pushPatch pushMigration pushClose',
    { style: 'receive', states: ['busy', 'open', 'closing'] },
  ],
  ['server/session-inbox', 'SessionInbox', 'pushEvent', { style: 'events' }],
  [
    'server/unread-submits',
    'UnreadSubmits',
    'submit cancel patch migrate close event',
    { style: 'receive', states: ['busy', 'open', 'closing'] },
  ],
  ['server/attended-session', 'AttendedSession', 'submit cancel patch migrate close event ended', BUSY],
  ['server/serve-loop', 'ServeLoop', 'submit cancel patch migrate close event ended call settle stream', BUSY],
  ['server/serve-loop', 'ServeLoop', 'fail aside answer', BUSY],
  ['server/serve-loop', 'ServeLoop', 'pause resume', { states: ['busy'] }],
  ['server/dispatcher', 'Dispatcher', 'submit', BUSY],
  ['server/dispatcher', 'Dispatcher', 'comesOn', { ...BUSY, last: true }],
  ['server/dispatcher', 'Dispatcher', 'withdraw leave', { ...BUSY, last: true }],
  ['server/session-operations', 'SessionOperations', 'admit consume started cancelled expire dropAll', BUSY],
  ['server/session-cache', 'SessionCache', 'put invalidate'],
  ['server/result-gate', 'ResultGate', 'recheck operationOver', { states: ['paused'], last: true }],
  ['server/result-gate', 'ResultGate', 'isHeld', { states: ['paused'], called: true }],
  // What gives back what a connection has held.
  ['server/session-intake', 'SessionIntake', 'disconnected'],
  ['server/session-core', 'SessionCore', 'fail idle'],
  ['server/session-core', 'SessionCore', 'end operationOver', { last: true }],
  ['server/session-operations', 'SessionOperations', 'end over', { ...BUSY, last: true }],
  ['server/session-inbox', 'SessionInbox', 'end', { style: 'receive', last: true }],
  ['server/unread-submits', 'UnreadSubmits', 'end ended withdraw', { style: 'receive' }],
  ['server/session-closing', 'SessionClosing', 'wake'],
  ['server/operation-context', 'OperationContext', 'end settle', { ...BUSY, last: true }],
  ['server/session-opening', 'SessionOpening', 'end'],
  ['server/connection-clock', 'ConnectionClock', 'end startHandshake endHandshake'],
  ['server/server-connection', 'ServerConnection', 'onEnded sessionEnded'],
  ['connection/connection', 'Connection', 'transportEnded fail close'],
  ['connection/outbox', 'Outbox', 'end flushAll'],
  ['connection/pings', 'Pings', 'end'],
  // Time, and room to send.
  ['server/server-connection', 'ServerConnection', 'watch'],
  ['server/operation-context', 'OperationContext', 'expired'],
  ['connection/outbox', 'Outbox', 'drained flush wake send'],
];

const CLIENT: readonly Row[] = [
  [
    'client/client-connection',
    'ClientConnection',
    'helloAnswered flowUpdated errorArrived stray violated openAnswered',
  ],
  ['connection/connection', 'Connection', 'receivedByAnyRole', { messageType: 0x20 }],
  ['connection/connection', 'Connection', 'receivedByAnyRole', { messageType: 0x21 }],
  ['connection/connection', 'Connection', 'receivedByAnyRole', { messageType: 0x05 }],
  ['client/session-opens', 'SessionOpens', 'answered', { states: ['opening'] }],
  ['client/client-hello', 'HelloExchange', 'answered', { states: ['greeting'] }],
  ['client/client-probes', 'ClientProbes', 'answered'],
  [
    'client/session-inbox',
    'SessionInbox',
    'dropped flowUpdated errorArrived objectOffered answered stray violated fail',
  ],
  ...[0x12, 0x18, 0x04, 0x1c, 0x15, 0x16, 0x09, 0x0a].map(
    (messageType): Row => ['client/session-inbox', 'SessionInbox', 'receive', { messageType }],
  ),
  ['client/client-submits', 'ClientSubmits', 'resultArrived dropped failed flowUpdated finished release resultIsLate'],
  [
    'client/client-requests',
    'ClientRequests',
    'patchAnswered migrateAnswered cacheAnswered refused',
    { states: ['asking'] },
  ],
  [
    'client/session-closing',
    'SessionClosing',
    'answered askedByServer idle confirm',
    { states: ['closing', 'draining'] },
  ],
  ['client/client-operation', 'ClientOperation', 'push', { states: ['busy'] }],
  ['client/cancelled-frames', 'CancelledFrames', 'releaseDue isReleased'],
  ['client/unread-results', 'UnreadResults', 'add', { states: ['busy'], last: true }],
  ['client/connection-flow', 'ConnectionFlow', 'update serveAll serve', { states: ['busy'] }],
  // Counters of a connection that is over by then.
  ['client/connection-flow', 'ConnectionFlow', 'finished', { states: ['busy'], last: true }],
  ['client/cancelled-frames', 'CancelledFrames', 'answered', { last: true }],
  ['client/session-inbox', 'SessionInbox', 'disconnected'],
  ['client/client-session', 'NnrpClientSession', 'end', { last: true }],
  ['client/client-submits', 'ClientSubmits', 'end', { last: true }],
  ['client/client-requests', 'ClientRequests', 'end'],
  ['client/session-closing', 'SessionClosing', 'settle', { last: true }],
  ['client/session-opens', 'SessionOpens', 'end', { last: true }],
  ['client/client-hello', 'HelloExchange', 'end', { last: true }],
  ['client/client-probes', 'ClientProbes', 'end', { last: true }],
  ['client/client-operation', 'ClientOperation', 'fail', { states: ['busy'], last: true }],
  ['client/client-connection', 'ClientConnection', 'sessionEnded transportEnded'],
  ['client/client-connection', 'ClientConnection', 'onEnded', { last: true }],
  ['connection/connection', 'Connection', 'fail close'],
  ['connection/outbox', 'Outbox', 'end flushAll drained flush wake'],
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
 * Makes the method throw for everybody but the client that is no attacker.
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
const WAYS = ['connection', 'submit', 'core', 'owner', 'session', 'operations', 'transport', 'target', 'inside'];

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
