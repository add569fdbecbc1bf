import { CpuTime } from '../cpu-time.js';
import { type ClientFigures, ExchangeLoad, type Stop } from '../loopback/load.js';
import { inBatches, Tally } from '../loopback/systems/system.js';
import { type Memory, memoryWith } from '../memory.js';
import { answerQuestions } from '../questions.js';
import type { Connection, Credentials, Service } from './contestant.js';
import { handshakes } from './handshakes.js';
import { loadSystem, type SystemName } from './systems.js';
import type { Workload } from './workloads.js';

/*
 * One side of one system, in a process of its own: child.js server|client SYSTEM. It answers what the referee asks, one
 * question after the other, and ends when the referee lets go of it.
 */

/** What a server has done since it was asked before. */
export interface ServerFigures {
  /** Microseconds of CPU time of the whole process. */
  readonly cpu: number;
  readonly requests: number;
  readonly requestBytes: number;
}

/** What can be asked: of a server the first three, of a client the others. */
export interface Questions {
  listen(credentials: Credentials): Promise<number>;
  /** @see ServerFigures */
  figures(): Promise<ServerFigures>;
  /** @param connections - waits until the process has so many */
  memory(connections: number): Promise<Memory>;
  prepare(to: { readonly port: number; readonly credentials: Credentials }): Promise<void>;
  /** Opens the connections of a workload, none for handshakes; turns are of that workload from now on. */
  connect(workload: Workload): Promise<void>;
  turn(stop: Stop): Promise<ClientFigures & { readonly cpu: number }>;
  disconnect(): Promise<void>;
}

const [, , role, name] = process.argv;
const system = await loadSystem(name as SystemName);
const cpu = new CpuTime();

function serverQuestions(): Partial<Questions> {
  const tally = new Tally();
  let service: Service | undefined;
  return {
    listen: async (credentials) => {
      service = await system.serve(credentials, tally);
      return service.port;
    },
    figures: async () => {
      const { requests, requestBytes } = tally;
      Object.assign(tally, new Tally());
      return { cpu: cpu.take(), requests, requestBytes };
    },
    memory: (connections) => memoryWith(connections, () => service?.connections ?? 0),
  };
}

function clientQuestions(): Partial<Questions> {
  let connector: (() => Promise<Connection>) | undefined;
  let current: { readonly workload: Workload; readonly connections: readonly Connection[] } | undefined;
  const newConnection = () => {
    if (connector === undefined) throw new Error('not prepared');
    return connector();
  };
  return {
    prepare: async ({ port, credentials }) => {
      connector = await system.connector(port, credentials);
    },
    connect: async (workload) => {
      const count = workload.kind === 'handshake' ? 0 : workload.connections;
      current = { workload, connections: await inBatches(count, newConnection) };
    },
    turn: async (stop) => {
      if (current === undefined) throw new Error('not connected');
      const { workload, connections } = current;
      const { inFlight } = workload;
      const load = new ExchangeLoad({ ...workload, lanes: workload.connections * inFlight }, stop);
      cpu.take();
      for (const [index, connection] of connections.entries()) connection.exchange(load, index * inFlight, inFlight);
      const closed = workload.kind === 'handshake' ? handshakes(newConnection, load, inFlight) : undefined;
      await load.finished;
      await closed;
      return { ...load.figures(), cpu: cpu.take() };
    },
    disconnect: async () => {
      await Promise.all(current?.connections.map((connection) => connection.close()) ?? []);
      current = undefined;
    },
  };
}

answerQuestions(role ?? '', role === 'server' ? serverQuestions() : clientQuestions());
