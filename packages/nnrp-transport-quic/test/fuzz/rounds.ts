import { createPrivateKey, type KeyObject } from 'node:crypto';
import { Dice } from '../../../nnrp-runtime/test/recovery/dice.js';
import { QuicClientEndpointConfig } from '../../src/client-endpoint-config.js';
import { addressWords } from '../../src/module/address-words.js';
import { loadModule } from '../../src/module/load-module.js';
import { Happened, type Loss, NEWCOMER } from '../../src/module/module-facts.js';
import { QuinnModule } from '../../src/module/quinn-module.js';
import { readIdentity, readRoots } from '../../src/quinn/identity.js';

const code = await loadModule();
const SERVER = { words: addressWords('203.0.113.1'), port: 4433 };
const CLIENT = { words: addressWords('198.51.100.7'), port: 50_000 };
const EPOCH_MS = 1_811_808_000_000;
const TICK_MS = 0.001;
/** Datagrams that an end answers to one at most; more of them would be a loop without an end. */
const MAX_ANSWERS = 2000;
/** Strangers that a server keeps, as its driver bounds them. */
const MAX_STRANGERS = 64;

const X25519_BYTES = 32;
/** What precedes the bytes of a private key of X25519 in PKCS 8. */
const X25519_HEAD = Buffer.from('302e020100300506032b656e04220420', 'hex');

/** The same bytes give the same handshake but for signatures, which are random. */
function exchangeKey(bytes: Buffer): KeyObject {
  return createPrivateKey({ key: Buffer.concat([X25519_HEAD, bytes]), format: 'der', type: 'pkcs8' });
}

export type Role = 'client' | 'server';
export interface Pem {
  readonly cert: string;
  readonly key: string;
}

/** Two instances of the module in one network without sockets, for as many connections as are wanted, one after another. */
export class Ends {
  nowMs = 1;
  readonly client: QuinnModule;
  readonly server: QuinnModule;
  readonly failures: string[] = [];
  /** Connections that strangers have at the server. */
  private readonly strangers: number[] = [];
  private readonly scratch = Buffer.alloc(64 * 1024);
  /** What an end has answered since it was cleared. */
  readonly sent: Record<Role, Buffer[]> = { client: [], server: [] };
  readonly bytesRead: Record<Role, number> = { client: 0, server: 0 };
  readonly numbers: Record<Role, number> = { client: -1, server: -1 };
  readonly losses: Record<Role, Loss | undefined> = { client: undefined, server: undefined };
  readonly isConnected: Record<Role, boolean> = { client: false, server: false };
  slowestMs = 0;

  constructor(seed: number, pem: Pem, note: (lines: Uint8Array) => void) {
    const random = new Dice(seed);
    const surroundings = {
      clock: () => this.nowMs,
      wallClock: () => EPOCH_MS + this.nowMs,
      fillRandom: (bytes: Uint8Array) => bytes.set(random.bytes(bytes.length)),
      makeExchangeKey: () => exchangeKey(random.bytes(X25519_BYTES)),
    };
    const { settings } = new QuicClientEndpointConfig({ insecureSkipVerify: true });
    const both = { ...settings, keyLogFile: 'kept in memory' };
    this.server = new QuinnModule(code, random.bytes(64), surroundings);
    this.server.configure(both, 1);
    this.server.identify(readIdentity(pem));
    this.server.listen('none', 1);
    this.client = new QuinnModule(code, random.bytes(64), surroundings);
    this.client.configure(both, 0);
    this.client.trust(readRoots(pem.cert));
    this.client.dial(true);
    this.client.onKeyLog = note;
    this.server.onKeyLog = note;
    for (const role of ['client', 'server'] as const)
      this[role].onFailure = (failure) => this.failures.push(`${role}: ${failure.message}`);
  }

  /** The first datagrams of a new connection. */
  begin(): void {
    for (const role of ['client', 'server'] as const) {
      this.numbers[role] = -1;
      this.losses[role] = undefined;
      this.isConnected[role] = false;
      this.bytesRead[role] = 0;
      this.sent[role].length = 0;
    }
    this.numbers.client = this.client.connect('localhost', SERVER.words, SERVER.port);
    this.flush('client', this.numbers.client);
  }

  /** What was sent to the other end since. */
  taken(role: Role): Buffer[] {
    return this.sent[role].splice(0);
  }

  /** Hands over everything until nobody says anything. */
  talk(): void {
    for (let turns = 0; turns < MAX_ANSWERS; turns++) {
      const [fromClient, fromServer] = [this.taken('client'), this.taken('server')];
      if (fromClient.length + fromServer.length === 0) return;
      this.nowMs += 1;
      for (const datagram of fromClient) this.deliver('server', datagram);
      for (const datagram of fromServer) this.deliver('client', datagram);
    }
    throw new Error('they talk without an end');
  }

  /** @param to - the end that gets it. @param port - of a stranger; default that of the other end */
  deliver(to: Role, datagram: Buffer, port?: number): number {
    const module = this[to];
    const from = to === 'server' ? CLIENT : SERVER;
    const startedMs = performance.now();
    const index = module.receive(datagram, from.words, port ?? from.port);
    if (index === NEWCOMER) this.newcomer(port !== undefined);
    else if (index >= 0) this.work(to, index);
    else if (module.answerBytes > 0) this.keep(to, module.answerBytes);
    this.slowestMs = Math.max(this.slowestMs, performance.now() - startedMs);
    return index;
  }

  private newcomer(isStranger: boolean): void {
    const index = this.server.accept();
    if (index < 0) {
      const { answerBytes } = this.server.acceptFailure();
      if (answerBytes > 0) this.keep('server', answerBytes);
      return;
    }
    if (!isStranger && this.numbers.server < 0) this.numbers.server = index;
    else this.strangers.push(index);
    this.work('server', index);
    if (this.strangers.length > MAX_STRANGERS) this.server.forget(this.strangers.shift() as number);
  }

  /** What a driver does after each datagram. */
  private work(role: Role, index: number): void {
    const module = this[role];
    const bits = module.happened(index);
    const isOurs = index === this.numbers[role];
    if (isOurs && (bits & Happened.Connected) !== 0) {
      this.isConnected[role] = true;
      if (role === 'client') module.openStream(index);
    }
    if ((bits & Happened.Lost) !== 0) {
      const loss = module.lost(index);
      if (isOurs) this.losses[role] = loss;
    }
    for (let reads = 0; (bits & Happened.Readable) !== 0; reads++) {
      const bytes = module.read(index, this.scratch);
      if (bytes === 0) break;
      if (isOurs) this.bytesRead[role] += bytes;
      if (reads > MAX_ANSWERS) throw new Error('it reads without an end');
    }
    this.flush(role, index);
  }

  flush(role: Role, index: number): void {
    const module = this[role];
    for (let sent = 0; ; sent++) {
      const total = module.transmit(index, 1);
      if (total === 0) return;
      if (sent > MAX_ANSWERS) throw new Error('it sends without an end');
      this.keep(role, total);
    }
  }

  private keep(role: Role, total: number): void {
    const bytes = Buffer.alloc(total);
    this[role].copy(bytes, 0, total);
    // The peer of a hostile end does not listen for ever.
    if (this.sent[role].length < MAX_ANSWERS) this.sent[role].push(bytes);
  }

  write(role: Role, bytes: Buffer): void {
    this[role].write(this.numbers[role], bytes);
    this.flush(role, this.numbers[role]);
  }

  /** Time passes at an end. */
  pass(role: Role, ms: number): void {
    this.nowMs += ms;
    const index = this.numbers[role];
    for (let due = 0; index >= 0 && this[role].timeoutMs(index) <= 0; due++) {
      if (due > MAX_ANSWERS) throw new Error('its timer is due without an end');
      this.nowMs += TICK_MS;
      this[role].handleTimeout(index);
      this.work(role, index);
    }
  }

  /** Nothing is left of the connection, nor of strangers. */
  clear(): void {
    for (const role of ['client', 'server'] as const) {
      if (this.numbers[role] >= 0) this[role].forget(this.numbers[role]);
      this.numbers[role] = -1;
    }
    for (const index of this.strangers.splice(0)) this.server.forget(index);
  }
}
