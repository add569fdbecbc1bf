import type { Contestant } from './contestant.js';

/** In the order of the tables. Each is loaded where it runs only: none carries the memory of another. */
const LOADERS = {
  raw: async () => (await import('./raw-tcp.js')).rawTcp,
  nnrp: async () => (await import('./nnrp-transport.js')).nnrpTransport,
  'nnrp-session': async () => (await import('./nnrp-session.js')).nnrpSession,
  wrapper: async () => (await import('./wrapper.js')).wrapper({ joined: false }),
  'wrapper-tuned': async () =>
    (await import('./wrapper.js')).wrapper({ joined: true, sizes: { datagram: 16_384, read: 65_536 } }),
} satisfies Record<string, () => Promise<Contestant>>;

export type SystemName = keyof typeof LOADERS;

export const SYSTEM_NAMES = Object.keys(LOADERS) as readonly SystemName[];

/** What each system is, for the head of the report. */
export const DESCRIPTIONS: Readonly<Record<SystemName, string>> = {
  raw: 'node:net over TCP with packets of the same sizes, without encryption: the limit',
  nnrp: 'nnrp-transport-quic, packets through FramedTransport; defaults',
  'nnrp-session': 'whole sessions over it: awaited submits, and server.serve',
  wrapper: '@matrixai/quic, servers and clients of its root, one stream; defaults, a write per packet',
  'wrapper-tuned': 'the same with datagrams of 16 KiB as nnrp has on loopback, and the packets of a turn in one write',
};

export function loadSystem(name: SystemName): Promise<Contestant> {
  return LOADERS[name]();
}
