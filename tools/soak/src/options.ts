import { parseArgs } from 'node:util';

export const USAGE = `usage: pnpm soak [options]
  --minutes N      how long the load lasts (default 10)
  --sessions N     sessions at once (default 2000)
  --connections N  connections at once, the sessions spread over them (default 200)
  --seed N         of every random choice (default 1)
  --quic           over QUIC instead of TCP
  --cuts           through a proxy that cuts every connection every few seconds (TCP only); sessions are resumed
  --revision R     of the clients: preview3 or preview4 (default preview3); the server finds out
  --quick          the short form of CI: 6 seconds of load, with --cuts 20, 200 sessions over 20 connections`;

export type Revision = 'preview3' | 'preview4';

export interface SoakOptions {
  /** Seconds of load that counts. */
  readonly seconds: number;
  /** Seconds of one round of the load before the first heap is measured, and the most rounds. */
  readonly warmSeconds: number;
  readonly warmRounds: number;
  readonly sessions: number;
  readonly connections: number;
  readonly seed: number;
  readonly quic: boolean;
  readonly cuts: boolean;
  /** What the clients speak. */
  readonly revision: Revision;
}

/** @throws Error that says which argument does not fit */
export function parseOptions(args: readonly string[]): SoakOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string' },
      sessions: { type: 'string' },
      connections: { type: 'string' },
      seed: { type: 'string' },
      quic: { type: 'boolean', default: false },
      cuts: { type: 'boolean', default: false },
      revision: { type: 'string', default: 'preview3' },
      quick: { type: 'boolean', default: false },
    },
  });
  const { quic, cuts, quick, revision } = values;
  if (!isRevision(revision)) throw new Error(`--revision takes preview3 or preview4, got ${revision}`);
  if (quic && cuts) throw new Error('--cuts goes over TCP: leave out --quic');
  const seconds = Math.round(number('--minutes', values.minutes, quick ? (cuts ? 1 / 3 : 0.1) : 10) * 60_000) / 1000;
  const connections = whole('--connections', values.connections, quick ? 20 : 200);
  const sessions = whole('--sessions', values.sessions, quick ? 200 : 2000);
  if (sessions < connections) throw new Error(`--sessions takes at least --connections, got ${sessions}`);
  const seed = whole('--seed', values.seed, 1);
  const warm = quick ? { warmSeconds: cuts ? 10 : 3, warmRounds: 1 } : { warmSeconds: 60, warmRounds: 5 };
  return { seconds, ...warm, sessions, connections, seed, quic, cuts, revision };
}

function isRevision(text: string): text is Revision {
  return text === 'preview3' || text === 'preview4';
}

function number(option: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new Error(`${option} takes a positive number, got ${text}`);
  return value;
}

function whole(option: string, text: string | undefined, fallback: number): number {
  const value = number(option, text, fallback);
  if (!Number.isInteger(value)) throw new Error(`${option} takes a positive integer, got ${text}`);
  return value;
}
