import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import * as preview3 from 'nnrp-core/preview3';
import { NnrpServer, type NnrpServerOptions, type OperationContext } from 'nnrp-runtime';
import { bindWebSocket } from 'nnrp-transport-websocket';
import { CpuTime } from '../cpu-time.js';
import type { Row } from './attacks.js';
import { TurnTimes } from './turn-times.js';
import { PART_BYTES, PARTS, STREAM, WORK_MS } from './work.js';

/** Handlers that run at once. */
export const PLACES = 64;
const SAMPLE_MS = 100;
const NANOSECONDS_PER_MS = 1e6;

/** What a server has been through since it was asked before. */
export interface ServerFigures {
  /** CPU time by wall clock time: 1 is a whole core. */
  readonly cpuShare: number;
  /** CPU microseconds of a turn of the event loop: 99 in 100 take no more. */
  readonly turnP99: number;
  /** Milliseconds by which timers were late: how long all work waits for the event loop. */
  readonly lateP99Ms: number;
  readonly lateMaxMs: number;
  /** Most resident bytes of a sample. */
  readonly resident: number;
  readonly connections: number;
  readonly sessions: number;
  /** Bounds that refused, cut or made to wait something, and how often, since the server began. */
  readonly hits: Readonly<Record<string, number>>;
}

async function* stream(): AsyncGenerator<Uint8Array, undefined, void> {
  const part = new Uint8Array(PART_BYTES);
  for (let count = 0; count < PARTS; count++) yield part;
  return undefined;
}

function work(operation: OperationContext) {
  return operation.body[0] === STREAM ? stream() : sleep(WORK_MS, new Uint8Array(0));
}

/** The server that all share: defaults, but for its places and what makes it worth attacking. */
export class ServerSide {
  private server: NnrpServer | undefined;
  private readonly cpu = new CpuTime();
  private readonly turns = new TurnTimes();
  private readonly late = monitorEventLoopDelay({ resolution: 2 });
  private sinceMs = performance.now();
  private resident = 0;

  constructor(private readonly over: Row['over']) {}

  async listen(): Promise<number> {
    const supportedCacheObjects = Object.values(preview3.CacheObjectKind);
    const server = await this.bind({ supportedCacheObjects });
    this.server = server;
    const handlers = { submit: work, patch: () => ({}), migrate: () => ({ acceptCode: 0 }) };
    server.serve(handlers, { maxConcurrentOperations: PLACES }).catch((error: unknown) => {
      console.error('serve:', error);
      process.exit(1);
    });
    // Without a listener what handlers of dead sessions throw would be a warning each.
    server.on('handlerFailure', () => {});
    this.late.enable();
    setInterval(() => {
      this.resident = Math.max(this.resident, process.memoryUsage.rss());
    }, SAMPLE_MS);
    return Number(/:(\d+)\/?$/.exec(server.localAddress)?.[1]);
  }

  private bind(config: NnrpServerOptions): Promise<NnrpServer> {
    if (this.over === 'tcp') return NnrpServer.bindTcp('127.0.0.1:0', config);
    // All attackers have one address, and so has the honest client.
    return bindWebSocket('127.0.0.1:0', { maxHandshakesPerAddress: 0 }, config);
  }

  async figures(): Promise<ServerFigures> {
    const nowMs = performance.now();
    const cpuShare = this.cpu.take() / ((nowMs - this.sinceMs) * 1000);
    const turnP99 = this.turns.take();
    const lateP99Ms = this.late.percentile(99) / NANOSECONDS_PER_MS;
    const lateMaxMs = this.late.max / NANOSECONDS_PER_MS;
    const resident = Math.max(this.resident, process.memoryUsage.rss());
    this.sinceMs = nowMs;
    this.late.reset();
    this.resident = 0;
    const { connectionCount: connections = 0, sessionCount: sessions = 0 } = this.server ?? {};
    const bounds = Object.entries(this.server?.stats() ?? {}).map(([name, { hits }]) => [name, hits] as const);
    const hits = Object.fromEntries(bounds.filter(([, count]) => count > 0));
    return { cpuShare, turnP99, lateP99Ms, lateMaxMs, resident, connections, sessions, hits };
  }
}
