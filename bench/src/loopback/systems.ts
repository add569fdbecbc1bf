import type { Scenario } from './scenarios.js';
import type { System } from './systems/system.js';

/** In the order of the tables. Each is loaded where it runs only: none carries the memory of another. */
const LOADERS = {
  raw: async () => (await import('./systems/raw.js')).raw,
  nnrp: async () => (await import('./systems/nnrp.js')).nnrp,
  'nnrp-serve': async () => (await import('./systems/nnrp.js')).nnrpServe,
  'nnrp-preview4': async () => (await import('./systems/nnrp.js')).nnrpPreview4,
  ws: async () => (await import('./systems/websocket.js')).webSocket,
  rsocket: async () => (await import('./systems/rsocket.js')).rsocket,
  grpc: async () => (await import('./systems/grpc.js')).grpc,
  sse: async () => (await import('./systems/sse.js')).sse,
} satisfies Record<string, () => Promise<System>>;

export type SystemName = keyof typeof LOADERS;

export const SYSTEM_NAMES = Object.keys(LOADERS) as readonly SystemName[];

/** What each system is, for the head of the report. */
export const DESCRIPTIONS: Readonly<Record<SystemName, string>> = {
  raw: 'node:net with packets of the same sizes and nothing else: the limit',
  nnrp: 'nnrp-runtime, sessions: a loop over operations, which completes each',
  'nnrp-serve': 'nnrp-runtime, handlers: an async generator that looks at its signal; deadline on',
  'nnrp-preview4': 'as nnrp, over preview4',
  ws: 'ws, binary messages of the same sizes',
  rsocket: 'rsocket-core over TCP, request/response and request/stream',
  grpc: '@grpc/grpc-js, unary calls and server streams of bytes',
  sse: 'server-sent events over node:http, streams only',
};

/** Whether the scenario is one for the system. */
export function takesPart(system: SystemName, scenario: Scenario): boolean {
  if (scenario.systems !== undefined && !scenario.systems.includes(system)) return false;
  return system !== 'sse' || scenario.kind === 'stream';
}

export function loadSystem(name: SystemName): Promise<System> {
  return LOADERS[name]();
}
