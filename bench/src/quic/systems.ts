import type { QuicEndpointOptions } from 'nnrp-transport-quic';
import type { Contestant } from './contestant.js';

/** Datagrams of a real network; those on the loopback interface are larger by default. */
const ETHERNET = { maxDatagramBytes: 1350 };

/** A built checkout of the release before, whose engine is a contestant; left out without it. */
const previous = process.env['NNRP_BENCH_PREVIOUS'];

async function nnrp(options?: QuicEndpointOptions): Promise<Contestant> {
  const { nnrpTransport } = await import('./nnrp-transport.js');
  return nnrpTransport(await import('nnrp-transport-quic'), options);
}

async function before(options?: QuicEndpointOptions): Promise<Contestant> {
  const { builtQuic, nnrpTransport } = await import('./nnrp-transport.js');
  return nnrpTransport(await builtQuic(previous ?? ''), options);
}

/** In the order of the tables. Each is loaded where it runs only: none carries the memory of another. */
const LOADERS = {
  raw: async () => (await import('./raw-tcp.js')).rawTcp,
  nnrp: () => nnrp(),
  'nnrp-1350': () => nnrp(ETHERNET),
  previous: () => before(),
  'previous-1350': () => before(ETHERNET),
  'nnrp-session': async () => (await import('./nnrp-session.js')).nnrpSession,
  wrapper: async () => (await import('./wrapper.js')).wrapper({ joined: false }),
  'wrapper-tuned': async () =>
    (await import('./wrapper.js')).wrapper({ joined: true, sizes: { datagram: 16_384, read: 65_536 } }),
} satisfies Record<string, () => Promise<Contestant>>;

export type SystemName = keyof typeof LOADERS;

export const SYSTEM_NAMES = (Object.keys(LOADERS) as readonly SystemName[]).filter(
  (name) => previous !== undefined || !name.startsWith('previous'),
);

/** What each system is, for the head of the report. */
export const DESCRIPTIONS: Readonly<Record<SystemName, string>> = {
  raw: 'node:net over TCP with packets of the same sizes, without encryption: the limit',
  nnrp: 'nnrp-transport-quic, packets through FramedTransport; defaults',
  'nnrp-1350': 'the same with datagrams of 1350 bytes, as on a network',
  previous: 'nnrp-transport-quic of the checkout that NNRP_BENCH_PREVIOUS names; defaults',
  'previous-1350': 'the same with datagrams of 1350 bytes',
  'nnrp-session': 'whole sessions over it: awaited submits, and server.serve',
  wrapper: '@matrixai/quic, servers and clients of its root, one stream; defaults, a write per packet',
  'wrapper-tuned': 'the same with datagrams of 16 KiB as nnrp has on loopback, and the packets of a turn in one write',
};

export function loadSystem(name: SystemName): Promise<Contestant> {
  return LOADERS[name]();
}
