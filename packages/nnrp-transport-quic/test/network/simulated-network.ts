import { createHash, createPrivateKey } from 'node:crypto';
import { Dice } from '../../../nnrp-runtime/test/recovery/dice.js';
import { QuicClientEndpointConfig } from '../../src/client-endpoint-config.js';
import type { ConnectionSettings } from '../../src/engine.js';
import { type AddressWords, addressWords } from '../../src/module/address-words.js';
import { loadModule } from '../../src/module/load-module.js';
import { Happened, type Loss, NEWCOMER } from '../../src/module/module-facts.js';
import { QuinnModule } from '../../src/module/quinn-module.js';
import type { Surroundings } from '../../src/module/system-calls.js';
import { readIdentity, readRoots } from '../../src/quinn/identity.js';

const code = await loadModule();
const PORT = 4433;
/** 2027-06-01. */
const EPOCH_MS = 1_811_808_000_000;
const TICK_MS = 0.001;
const NEVER = Number.POSITIVE_INFINITY;
const MAX_READ = 64 * 1024;
/** What stands before the 32 bytes of a private key. */
const X25519_PKCS8 = Buffer.from('302e020100300506032b656e04220420', 'hex');

/** What a network does to datagrams; times are milliseconds. */
export interface Network {
  readonly delayMs: number;
  readonly lossPercent?: number;
  readonly duplicatePercent?: number;
  /** Datagrams that come up to three delays late. */
  readonly reorderPercent?: number;
  /** Bytes of the largest datagram that gets through. */
  readonly mtu?: number;
}

interface Flight {
  readonly atMs: number;
  readonly order: number;
  readonly to: End;
  readonly bytes: Buffer;
  readonly from: AddressWords;
  readonly port: number;
}

/** One end: an instance of the module, and the one connection that it has. */
export class End {
  connected = false;
  loss: Loss | undefined;
  received = 0;
  ended = false;
  index = -1;
  /** What is still to be sent; the stream ends behind it. */
  unsent: Uint8Array = new Uint8Array(0);
  finish = false;
  private readonly hash = createHash('sha256');
  private readonly scratch = Buffer.alloc(MAX_READ);

  constructor(
    readonly module: QuinnModule,
    readonly isClient: boolean,
  ) {}

  /** Of everything that has come. */
  digest(): string {
    return this.hash.copy().digest('hex');
  }

  /** Takes what has come, and writes what there is room for. */
  work(): void {
    const { module, index } = this;
    const bits = module.happened(index);
    if ((bits & Happened.Connected) !== 0) {
      this.connected = true;
      if (this.isClient) module.openStream(index);
    }
    if ((bits & Happened.Lost) !== 0) this.loss = module.lost(index);
    if (!this.connected) return;
    for (let bytes = module.read(index, this.scratch); ; bytes = module.read(index, this.scratch)) {
      if (module.readEnd === 1) this.ended = true;
      if (bytes === 0) break;
      this.received += bytes;
      this.hash.update(this.scratch.subarray(0, bytes));
    }
    while (this.unsent.length > 0) {
      const taken = module.write(index, this.unsent.subarray(0, MAX_READ));
      if (taken <= 0) return;
      this.unsent = this.unsent.subarray(taken);
    }
    if (this.finish) module.finish(index);
    this.finish = false;
  }
}

/** Two ends and a network in which time is a number: hours pass in milliseconds, and the same seed gives the same datagrams. */
export class SimulatedNetwork {
  nowMs = 0;
  /** Of what has been sent. */
  datagrams = 0;
  lost = 0;
  largest = 0;
  clientAddress = addressWords('198.51.100.7');
  clientPort = 50_000;
  readonly client: End;
  readonly server: End;
  private readonly flights: Flight[] = [];
  private readonly dice: Dice;
  private readonly hash = createHash('sha256');

  /** @param settings - of both ends, on top of the defaults */
  constructor(
    seed: number,
    public network: Network,
    pem: { readonly cert: string; readonly key: string },
    settings: Partial<ConnectionSettings> = {},
  ) {
    this.dice = new Dice(seed);
    const random = new Dice(seed + 1);
    const surroundings: Surroundings = {
      clock: () => this.nowMs,
      wallClock: () => EPOCH_MS + this.nowMs,
      fillRandom: (bytes) => bytes.set(random.bytes(bytes.length)),
      makeExchangeKey: () =>
        createPrivateKey({ key: Buffer.concat([X25519_PKCS8, random.bytes(32)]), format: 'der', type: 'pkcs8' }),
    };
    const both = { ...new QuicClientEndpointConfig({ insecureSkipVerify: true }).settings, ...settings };
    const server = new QuinnModule(code, random.bytes(64), surroundings);
    server.configure(both, 1);
    server.identify(readIdentity(pem));
    server.listen('none', 1);
    const client = new QuinnModule(code, random.bytes(64), surroundings);
    client.configure(both, 0);
    client.trust(readRoots(pem.cert));
    client.dial(true);
    this.client = new End(client, true);
    this.server = new End(server, false);
  }

  /** SHA-256 of all datagrams, with their times. */
  digest(): string {
    return this.hash.copy().digest('hex');
  }

  connect(): void {
    this.client.index = this.client.module.connect('localhost', addressWords('203.0.113.1'), PORT);
    this.flush(this.client);
  }

  /** Lets time pass until the condition holds. @throws Error when it has not after so many milliseconds */
  until(condition: () => boolean, ms: number, what: string): void {
    const end = this.nowMs + ms;
    while (!condition()) if (!this.step(end)) throw new Error(`after ${ms} ms not yet: ${what}`);
  }

  /** Lets so many milliseconds pass. */
  pass(ms: number): void {
    const end = this.nowMs + ms;
    while (this.step(end)) {}
    this.nowMs = end;
  }

  /** An end has something to do that it was not asked for by the network. */
  act(end: End): void {
    end.work();
    this.flush(end);
  }

  /** @returns whether something has happened until then */
  private step(endMs: number): boolean {
    const timers = [this.client, this.server].map((end) => this.timerOf(end));
    const [flight] = this.flights;
    const next = Math.min(flight?.atMs ?? NEVER, ...timers);
    if (next > endMs) return false;
    this.nowMs = Math.max(this.nowMs, next);
    if (flight !== undefined && flight.atMs <= next) {
      this.flights.shift();
      this.deliver(flight);
      return true;
    }
    const end = timers[0] === next ? this.client : this.server;
    end.module.handleTimeout(end.index);
    this.act(end);
    return true;
  }

  private timerOf(end: End): number {
    if (end.index < 0) return NEVER;
    // A bit later: the module counts nanoseconds, and a timer that is asked too early does nothing.
    return Math.max(this.nowMs, this.nowMs + end.module.timeoutMs(end.index) + TICK_MS);
  }

  private deliver({ to, bytes, from, port }: Flight): void {
    const { module } = to;
    const index = module.receive(bytes, from, port);
    if (index === NEWCOMER) to.index = module.accept();
    else if (index < 0 && module.answerBytes > 0) this.answer(to);
    if (to.index >= 0) this.act(to);
  }

  /** What an end says that belongs to no connection. */
  private answer(from: End): void {
    const bytes = Buffer.alloc(from.module.answerBytes);
    from.module.copy(bytes, 0, bytes.length);
    this.send(from, bytes);
  }

  private flush(end: End): void {
    const { module, index } = end;
    if (index < 0) return;
    for (let total = module.transmit(index, 1); total > 0; total = module.transmit(index, 1)) {
      const bytes = Buffer.alloc(total);
      module.copy(bytes, 0, total);
      this.send(end, bytes);
    }
  }

  private send(from: End, bytes: Buffer): void {
    const { dice, network, client, server } = this;
    this.datagrams++;
    this.largest = Math.max(this.largest, bytes.length);
    this.hash.update(`${this.nowMs} `).update(bytes);
    const percent = (chance = 0) => dice.percent(chance);
    if (bytes.length > (network.mtu ?? NEVER) || percent(network.lossPercent)) {
      this.lost++;
      return;
    }
    const to = from === client ? server : client;
    for (let copies = percent(network.duplicatePercent) ? 2 : 1; copies > 0; copies--) {
      const late = percent(network.reorderPercent) ? dice.below(3 * network.delayMs + 1) : 0;
      const [address, port] =
        from === client ? [this.clientAddress, this.clientPort] : [addressWords('203.0.113.1'), PORT];
      const flight = {
        atMs: this.nowMs + network.delayMs + late,
        order: this.datagrams,
        to,
        bytes,
        from: address,
        port,
      };
      const place = this.flights.findIndex((other) => other.atMs > flight.atMs);
      this.flights.splice(place < 0 ? this.flights.length : place, 0, flight);
    }
  }
}
