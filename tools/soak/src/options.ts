import { parseArgs } from 'node:util';

export const USAGE = `usage: pnpm soak [options]
  --minutes N      how long the load lasts (default 10)
  --sessions N     sessions at once (default 2000)
  --connections N  connections at once, the sessions spread over them (default 200)
  --seed N         of every random choice (default 1)
  --quic           over QUIC instead of TCP
  --quick          the short form of CI: 6 seconds of load, 200 sessions over 20 connections`;

export interface SoakOptions {
  /** Seconds of load that counts. */
  readonly seconds: number;
  /** Seconds of load before the first heap is measured. */
  readonly warmSeconds: number;
  readonly sessions: number;
  readonly connections: number;
  readonly seed: number;
  readonly quic: boolean;
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
      quick: { type: 'boolean', default: false },
    },
  });
  const { quic, quick } = values;
  const seconds = number('--minutes', values.minutes, quick ? 0.1 : 10) * 60;
  const connections = whole('--connections', values.connections, quick ? 20 : 200);
  const sessions = whole('--sessions', values.sessions, quick ? 200 : 2000);
  if (sessions < connections) throw new Error(`--sessions takes at least --connections, got ${sessions}`);
  const seed = whole('--seed', values.seed, 1);
  return { seconds, warmSeconds: quick ? 3 : 60, sessions, connections, seed, quic };
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
