import { parseArgs } from 'node:util';
import { CARRIERS, type Carrier, ROLES, type Role } from './conversation.js';
import type { Revision } from './samples/samples.js';
import { REVISIONS } from './samples/samples-of.js';

export const USAGE = `usage: pnpm fuzz [options]
  --packets N     mutated packets to send (default 1000000)
  --quick         the short form of CI: 50000, with --hostile 200000
  --hostile       floods over sockets (TCP, TLS, QUIC), server and client in processes of their own; 10000000 by default
  --seed N        of every random choice (default 1)
  --revision R    preview3 or preview4 (default preview3)
  --role R        server or client alone
  --carrier C     tcp, duplex or memory alone
  --jobs N        processes, each with its share (default 8: they wait a lot)
  --planted       plants a fault behind every message and shows that each is found; --part TEXT: those whose names contain it
  --replay FILE   plays the conversation of a file once; a run that fails writes one`;

export interface FuzzOptions {
  readonly packets: number;
  readonly seed: number;
  readonly revision: Revision;
  readonly roles: readonly Role[];
  readonly carriers: readonly Carrier[];
  readonly jobs: number;
  /** Over sockets, in processes of their own. */
  readonly hostile: boolean;
  readonly planted: boolean;
  /** Of the names of the plants that are planted. */
  readonly part: string;
  readonly replay: string | undefined;
}

/** @throws Error that says which argument does not fit */
export function parseOptions(args: readonly string[]): FuzzOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      packets: { type: 'string' },
      quick: { type: 'boolean', default: false },
      seed: { type: 'string' },
      revision: { type: 'string' },
      role: { type: 'string' },
      carrier: { type: 'string' },
      jobs: { type: 'string' },
      hostile: { type: 'boolean', default: false },
      planted: { type: 'boolean', default: false },
      part: { type: 'string', default: '' },
      replay: { type: 'string' },
    },
  });
  const { quick, hostile, planted, part, replay } = values;
  return {
    packets: whole('--packets', values.packets, hostile ? (quick ? 200_000 : 10_000_000) : quick ? 50_000 : 1_000_000),
    seed: whole('--seed', values.seed, 1),
    revision: some('--revision', values.revision, REVISIONS)[0] ?? 'preview3',
    roles: some('--role', values.role, ROLES),
    carriers: some('--carrier', values.carrier, CARRIERS),
    jobs: whole('--jobs', values.jobs, 8),
    hostile,
    planted,
    part,
    replay,
  };
}

function whole(option: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${option} takes a positive integer, got ${text}`);
  return value;
}

function some<T extends string>(option: string, text: string | undefined, all: readonly T[]): readonly T[] {
  if (text === undefined) return all;
  const one = all.find((value) => value === text);
  if (one === undefined) throw new Error(`${option} takes one of ${all.join(', ')}, got ${text}`);
  return [one];
}
