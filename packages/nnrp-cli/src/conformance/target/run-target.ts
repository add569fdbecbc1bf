import { dirname, join } from 'node:path';
import { NnrpServer } from 'nnrp-runtime';
import type { FramedListener } from 'nnrp-runtime/transport';
import { writeJsonFile } from '../json-file.js';
import { claimedTcpSessions } from './claimed-scenarios.js';
import { CountedListener } from './counted-listener.js';
import { type Carrier, type GivenManifest, givenManifest, type TargetFiles } from './given-manifest.js';
import { exchangeAsClient } from './suite-client.js';
import { suiteHandlers } from './suite-handlers.js';
import { SERVER_NAME } from './target-identity.js';
import { connectorTo, endpointOf, freePlaces, listenerAt, writeIdentity } from './target-listeners.js';
import { OPEN_AI, renewedManifest, targetManifest } from './target-manifest.js';

/** How a target is to be found, and how long it waits. */
export interface TargetWish {
  /** Where its manifest is written once everything listens. One that is there says where that is. */
  readonly manifest: string;
  /** Undefined for that of a manifest that is there. */
  readonly targetName: string | undefined;
  /** Whether the manifest may claim the scenarios that `nnrp conformance-driver` runs, too. */
  readonly hasHostRoutes: boolean;
  /**
   * Sessions over TCP that the suite opens before it wants to listen there itself, those of openai-compatible/1 not counted;
   * undefined for as many as there are scenarios that the manifest claims.
   */
  readonly tcpConnections: number | undefined;
  /** Milliseconds that it goes on trying to connect to the suite. */
  readonly patienceMs: number;
  readonly signal: AbortSignal;
  /** Told of every step. */
  readonly say: (line: string) => void;
}

const FILES = { certificate: 'certs/server.der', privateKey: 'certs/server-key.der' };
/** The transports over which the suite is the server. */
const AS_SERVER = { tcp: 'TCP', websocket: 'WebSocket' } as const;

/**
 * Serves one run of the suite, and connects to it where the suite is the server.
 *
 * The suite listens on the target's own TCP and WebSocket address then, so these are given up in time: TCP with the last session that the
 * suite opens there, WebSocket with its only one, or with the last over TCP when the suite does not want it.
 *
 * @returns when the suite has been served as client, too
 * @throws (as a rejection) when something cannot listen, or an exchange with the suite fails
 */
export async function runTarget(wish: TargetWish): Promise<void> {
  const { signal, say } = wish;
  const given = await givenManifest(wish.manifest);
  const { tcpConnections = claimedTcpSessions(given?.wire) } = wish;
  const own = ownFiles(wish.manifest);
  if (given === undefined) await writeIdentity(own);
  const places = given?.places ?? freePlaces(own);
  if (places.size === 0) return say(`no transports in ${wish.manifest}: nothing to serve`);
  const isServerToo = given?.hasSuiteAsServer !== false;
  const opened = new Map<Carrier, FramedListener>();
  try {
    for (const [carrier, place] of places) opened.set(carrier, await listenerAt(carrier, place));
    const endpoints = new Map<Carrier, string>();
    for (const [carrier, place] of places)
      endpoints.set(carrier, endpointOf(carrier, place, opened.get(carrier) as FramedListener));

    const way = waiting();
    let isOpenAi = false;
    let count = 0;
    const taken = (carrier: Carrier | undefined) => {
      if (carrier === 'tcp') say(`session ${++count} over TCP`);
      // What the suite never listens on itself is not given up.
      if (!isServerToo) return;
      if (carrier === 'websocket') void opened.get(carrier)?.close();
      if (carrier === 'websocket' && !places.has('tcp')) way.free();
      if (count >= tcpConnections + (isOpenAi ? 1 : 0)) way.free();
    };
    if (isServerToo && isFreeAtOnce(given, tcpConnections)) way.free();
    const isFree = way.freed.then(() => Promise.all([opened.get('tcp')?.close(), opened.get('websocket')?.close()]));

    const carriers = new Map<string, Carrier>();
    const listeners = [...opened].map(
      ([carrier, listener]) => new CountedListener(listener, (remote) => carriers.set(remote, carrier)),
    );
    const server = await NnrpServer.listenOn(listeners, { revision: 'preview4', deadlines: 'report' });
    const serving = server.serve({
      ...suiteHandlers(() => {
        isOpenAi = true;
      }),
      session: ({ remoteAddress }) => taken(carriers.get(remoteAddress)),
      ended: ({ remoteAddress }) => void carriers.delete(remoteAddress),
    });
    try {
      await writeManifest(wish, given, endpoints);
      say(`listening; manifest in ${wish.manifest}`);
      await aborting(isFree, signal);
      const carriersOfSuite = (Object.keys(AS_SERVER) as (keyof typeof AS_SERVER)[]).filter((each) => places.has(each));
      if (carriersOfSuite.length === 0) await aborting(waiting().freed, signal);
      say(`free for the suite: ${carriersOfSuite.map((carrier) => AS_SERVER[carrier]).join(', ')}`);
      await connectAll(wish, carriersOfSuite, async (carrier) =>
        connectorTo(carrier, endpoints.get(carrier) ?? '', places.get(carrier)?.files),
      );
    } finally {
      await server.close();
      await serving;
    }
  } finally {
    await Promise.all([...opened.values()].map((listener) => listener.close()));
  }
}

/** The suite may run only one of the scenarios in which it is the server, so that neither waits for the other. */
async function connectAll(
  { say, signal, patienceMs }: TargetWish,
  carriers: readonly (keyof typeof AS_SERVER)[],
  connector: (carrier: keyof typeof AS_SERVER) => ReturnType<typeof connectorTo>,
): Promise<void> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const exchanges = carriers.map(async (carrier) => {
    try {
      await exchangeAsClient(await connector(carrier), patienceMs, either);
      say(`served as a client over ${AS_SERVER[carrier]}`);
    } catch (error) {
      failed.abort(error);
      throw error;
    }
  });
  await Promise.allSettled(exchanges);
  await Promise.all(exchanges);
}

/** Without TCP only a completion over WebSocket may come before the suite listens there. */
function isFreeAtOnce(given: GivenManifest | undefined, tcpConnections: number): boolean {
  if (given === undefined || given.places.has('tcp')) return tcpConnections === 0;
  const { capabilities } = given.wire;
  return !(given.places.has('websocket') && Array.isArray(capabilities) && capabilities.includes(OPEN_AI));
}

function ownFiles(manifest: string): TargetFiles {
  const folder = dirname(manifest);
  const certificate = join(folder, FILES.certificate);
  return {
    serverName: SERVER_NAME,
    certificate,
    privateKey: join(folder, FILES.privateKey),
    trusted: certificate,
  };
}

/** One that is there is left alone where it says what is so. */
async function writeManifest(
  { manifest, targetName, hasHostRoutes }: TargetWish,
  given: GivenManifest | undefined,
  endpoints: ReadonlyMap<Carrier, string>,
): Promise<void> {
  if (given === undefined) {
    await writeJsonFile(manifest, targetManifest(targetName, endpoints, FILES, hasHostRoutes));
    return;
  }
  const renewed = renewedManifest(given, targetName, endpoints, hasHostRoutes);
  if (JSON.stringify(renewed) !== JSON.stringify(given.json)) await writeJsonFile(manifest, renewed);
}

function waiting(): { readonly freed: Promise<void>; readonly free: () => void } {
  let free = () => {};
  const freed = new Promise<void>((resolve) => {
    free = resolve;
  });
  return { freed, free };
}

function aborting<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = () => reject(signal.reason);
    if (signal.aborted) end();
    signal.addEventListener('abort', end, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', end));
  });
}
