import { Dice } from './samples/dice.js';
import { mutate } from './samples/mutation.js';
import type { Revision, Samples } from './samples/samples.js';
import { samplesOf } from './samples/samples-of.js';

/** The side that is attacked: our server by a hostile client, or our client by a hostile server. */
export type Role = 'server' | 'client';
export const ROLES: readonly Role[] = ['server', 'client'];
/** What carries the bytes: sockets, a pair of streams in memory, whole packets in memory. */
export type Carrier = 'tcp' | 'duplex' | 'memory';
export const CARRIERS: readonly Carrier[] = ['tcp', 'duplex', 'memory'];
/** How the application takes what comes: by handlers, by `receive*`, or by `events()`. */
export type Style = 'serve' | 'receive' | 'events';
export const STYLES: readonly Style[] = ['serve', 'receive', 'events'];

/** States in which the attacked side is brought before it is attacked. */
export const STATES = {
  server: [
    'fresh',
    'greeted',
    'asking',
    'open',
    'busy',
    'paused',
    'closing',
    'draining',
    'ending',
    'closed',
    'shutdown',
  ],
  client: ['fresh', 'greeting', 'opening', 'open', 'busy', 'asking', 'closing', 'draining', 'closed', 'shutdown'],
} as const;
export type State = (typeof STATES)[Role][number];

/** What the application of the attacked client does meanwhile. */
export const APP_CALLS = [
  'hello', 'open', 'submit', 'submitMany', 'hold', 'loop', 'leaveLoop', 'cancel', 'results', 'events', 'patch', 'migrate', 'put',
  'invalidate', 'flow', 'connectionFlow', 'ping', 'probe', 'error', 'closeSession', 'close',
  // What only preview4 can say: over preview3 each is refused by an error.
  'abort', 'schedule', 'supersede', 'progress', 'object', 'hint',
] as const; // biome-ignore format: a list of words

export type AppCall = (typeof APP_CALLS)[number];

/** One step; everything in it is data, so that a file can hold it. */
export type Step =
  /** Valid packets, and calls of the application, until the state is reached. */
  | { readonly do: 'reach'; readonly state: State }
  | {
      readonly do: 'say';
      readonly name: string;
      readonly hex: string;
      /** What is wrong with it; absent when it is valid. */
      readonly how?: string;
      /** Where the bytes are divided into several writes. */
      readonly cuts?: readonly number[];
      /** Goes out together with the next one. */
      readonly joined?: boolean;
      /** On the second connection. */
      readonly second?: boolean;
    }
  | { readonly do: 'call'; readonly call: AppCall }
  /** Time passes: timers run out. */
  | { readonly do: 'rest'; readonly ms: number }
  | { readonly do: 'leave'; readonly how: 'end' | 'reset' | 'destroy' };

/** A whole conversation: which side is attacked, and how. */
export interface Conversation {
  /** preview3 where it is not given. */
  readonly revision?: Revision;
  readonly role: Role;
  readonly carrier: Carrier;
  readonly style: Style;
  /** For what the two sides choose while it goes on. */
  readonly seed: number;
  readonly steps: readonly Step[];
}

/** The session that most of a conversation is about; its neighbours are others of the same conversation. */
export const FOCUS_ID = 0x4000;

/** How much of everything a campaign wants. */
export interface Appetite {
  readonly revision: Revision;
  readonly roles: readonly Role[];
  readonly carriers: readonly Carrier[];
}

/** The conversation of this number; the same arguments give the same one. */
export function conversation(seed: number, number: number, appetite: Appetite): Conversation {
  const dice = new Dice(Math.imul(seed, 0x10001) ^ Math.imul(number, 0x9e3779b1));
  const role = appetite.roles[number % appetite.roles.length] as Role;
  // The cheap ones are used more often; every one gets its share.
  const weighted = appetite.carriers.flatMap((carrier) => (carrier === 'tcp' ? [carrier] : [carrier, carrier]));
  const carrier = dice.of(weighted);
  const style = dice.chance(0.5) ? 'serve' : dice.of(STYLES);
  const { revision } = appetite;
  const samples = samplesOf(revision);
  return { revision, role, carrier, style, seed: dice.below(2 ** 31), steps: steps(role, samples, dice) };
}

function steps(role: Role, samples: Samples, dice: Dice): Step[] {
  const said: Step[] = [];
  const frames = { next: 10 };
  for (let episodes = 3 + dice.below(5); episodes > 0; episodes--) {
    const state = dice.of<State>(STATES[role]);
    said.push({ do: 'reach', state });
    for (let count = 4 + dice.below(9); count > 0; count--)
      said.push(...attack(role, state, samples, dice, frames, said));
    if (dice.chance(0.1)) said.push({ do: 'leave', how: dice.of(['end', 'reset', 'destroy'] as const) });
  }
  return said;
}

function attack(
  role: Role,
  state: State,
  samples: Samples,
  dice: Dice,
  frames: { next: number },
  before: readonly Step[],
): Step[] {
  const out: Step[] = [];
  // What has moved the state on is brought back now and then, so that the rest does not all meet the same one.
  if (dice.chance(0.5)) out.push({ do: 'reach', state });
  if (role === 'client' && dice.chance(0.25)) out.push({ do: 'call', call: dice.of(APP_CALLS) });
  if (dice.chance(0.06)) {
    const earlier = before.filter((step) => step.do === 'say');
    if (earlier.length > 0) return [...out, dice.of(earlier)];
  }
  if (dice.chance(0.02)) out.push({ do: 'rest', ms: 1 + dice.below(20) });
  out.push(say(samples, dice, frames));
  if (dice.chance(0.05)) out.push(out.at(-1) as Step);
  if (dice.chance(0.05)) out.reverse();
  return out;
}

/** A valid packet of the message. */
export function validSay(name: string, samples: Samples, dice: Dice): Step {
  const sessionId = FOCUS_ID + (dice.chance(0.8) ? 0 : 1);
  const fields = name === 'SESSION_OPEN' ? { requestedSessionId: sessionId } : {};
  const packet = samples.of(name, { sessionId, frameId: 1 + dice.below(6) }, dice, fields);
  return { do: 'say', name, hex: Buffer.from(packet).toString('hex') };
}

function say(samples: Samples, dice: Dice, frames: { next: number }): Step {
  const name = dice.of(samples.names);
  const sessionId = FOCUS_ID + (dice.chance(0.85) ? 0 : dice.below(3));
  const frameId = dice.chance(0.6) ? 1 + dice.below(4) : frames.next++;
  const packet = samples.of(
    name,
    { sessionId, frameId },
    dice,
    name === 'SESSION_OPEN' ? { requestedSessionId: sessionId } : {},
  );
  const mutant = dice.chance(0.88) ? mutate(packet, name, samples, dice, 0.05) : { bytes: packet };
  const { bytes } = mutant;
  return {
    do: 'say',
    name,
    hex: Buffer.from(bytes).toString('hex'),
    ...('how' in mutant && { how: mutant.how }),
    ...(dice.chance(0.2) && bytes.length > 1 && { cuts: cuts(bytes.length, dice) }),
    ...(dice.chance(0.15) && { joined: true }),
    ...(dice.chance(0.05) && { second: true }),
  };
}

function cuts(length: number, dice: Dice): number[] {
  const places = Array.from({ length: 1 + dice.below(4) }, () => 1 + dice.below(length - 1));
  return [...new Set(places)].sort((a, b) => a - b);
}
