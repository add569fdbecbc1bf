import { TransportError, UsageError } from 'nnrp-core';
import type { ConnectionSettings, PathFacts, QuicCipher } from '../engine.js';
import { type AddressWords, isSameAddress, saidAddress, saidPort } from './address-words.js';
import { HostCrypto } from './host-crypto.js';
import { type ModuleExports, withoutTraps } from './module-exports.js';
import { BLOCKED, CIPHERS, DEALT_WITH, type Identity, type Loss, type Root, SECRET_BYTES } from './module-facts.js';
import { moduleSettings, SettingKey } from './module-settings.js';
import { pathFacts } from './path-facts.js';
import { type Surroundings, systemCalls, THIS_PROCESS } from './system-calls.js';
import { type WasmInstance, type WasmModule, webAssembly } from './webassembly.js';

/** Kinds of `credential`. */
const [CERTIFICATE, PROTOCOL] = [0, 1];
const OUT_WORDS = 256;
const ADDRESS_AT = OUT_WORDS - 8;
const MAX_DATAGRAM_BYTES = 65_536;
/** Words of `out`. */
const [ASIDE_AT, ANSWER_AT, SEGMENT_AT] = [7, 8, 9];
const MAX_PANIC_BYTES = 508;
/** Private keys that handshakes may still go by; each renewal adds one. */
const MAX_KEYS = 8;

/**
 * An instance of the module: one UDP socket's connections, and their memory. None of its calls throws but those that begin a
 * role; after a trap they say that nothing is there.
 */
export class QuinnModule {
  /** Set when the module has failed: nothing it holds can be trusted any more. */
  failure: Error | undefined;
  /** Called once when it has failed, out of the call that it has failed in. */
  onFailure: (error: Error) => void = () => {};
  /** Is told secrets of handshakes, as lines of NSS. */
  onKeyLog: ((lines: Uint8Array) => void) | undefined;
  /** Its functions, none of which throws. */
  readonly exports: ModuleExports;
  private readonly crypto: HostCrypto;
  private readonly clock: () => number;
  private bytes: Uint8Array;
  private words: Uint32Array;
  private readonly rxAt: number;
  private readonly ioAt: number;
  private readonly outAt: number;
  private readonly panicAt: number;
  private readonly privateKeys: number[] = [];

  /** @param secret - 64 random bytes: stateless resets and Retry tokens of another instance with the same are understood */
  constructor(module: WasmModule, secret: Uint8Array, surroundings: Surroundings = THIS_PROCESS) {
    this.clock = surroundings.clock;
    const made: { exports?: ModuleExports } = {};
    const memory = () => (made.exports as ModuleExports).memory;
    this.crypto = new HostCrypto(memory, surroundings.makeExchangeKey);
    const { Instance } = webAssembly();
    const { exports }: WasmInstance = new Instance(module, {
      wasi_snapshot_preview1: systemCalls(memory, surroundings),
      host: this.crypto.imports,
    });
    made.exports = exports as unknown as ModuleExports;
    this.exports = withoutTraps(made.exports, (error) => this.trapped(error));
    this.exports.init();
    this.bytes = new Uint8Array(memory().buffer);
    this.words = new Uint32Array(memory().buffer);
    this.rxAt = this.exports.rx();
    this.ioAt = this.exports.io();
    this.panicAt = this.exports.panic_words();
    this.say(secret.subarray(0, SECRET_BYTES));
    this.exports.use_secret();
    this.outAt = this.exports.out() / 4;
  }

  /** Bytes of memory; they never become fewer. */
  get memoryBytes(): number {
    return this.exports.memory.buffer.byteLength;
  }

  /** Connections that the module has, whatever its driver thinks. */
  get openConnections(): number {
    return this.exports.open_connections();
  }

  private trapped(error: unknown): void {
    this.refresh();
    const length = Math.min(MAX_PANIC_BYTES, this.words[this.panicAt / 4] as number);
    const words = Buffer.from(this.bytes.slice(this.panicAt + 4, this.panicAt + 4 + length)).toString();
    // Only an allocation that has failed traps without a word.
    const why = words === '' ? `out of memory (${(error as Error).message})` : words.replace(/\s+/g, ' ');
    this.failure = new Error(why, { cause: error });
    this.onFailure(this.failure);
  }

  /** Views of memory that has grown are empty. */
  private refresh(): void {
    const { buffer } = this.exports.memory;
    if (this.bytes.buffer === buffer) return;
    this.bytes = new Uint8Array(buffer);
    this.words = new Uint32Array(buffer);
  }

  private say(bytes: Uint8Array): number {
    this.refresh();
    this.bytes.set(bytes, this.ioAt);
    return bytes.length;
  }

  private heard(length: number): Buffer {
    this.refresh();
    return Buffer.from(this.bytes.slice(this.ioAt, this.ioAt + length));
  }

  private word(at: number): number {
    return this.words[this.outAt + at] as number;
  }

  private check(code: number): void {
    if (this.failure !== undefined) throw new TransportError(`QUIC has failed: ${this.failure.message}`);
    if (code === 0) return;
    this.refresh();
    throw new UsageError(`the QUIC library refuses it: ${this.heard(this.word(0)).toString()}`);
  }

  /** For the next `listen` or `dial`. @param peerStreams - how many the peer may open */
  configure(settings: ConnectionSettings, peerStreams: number): void {
    for (const [key, value] of moduleSettings(settings, peerStreams)) this.exports.set(key, value);
    for (const protocol of settings.alpn) this.exports.credential(PROTOCOL, this.say(Buffer.from(protocol)));
  }

  /** For the next `listen` or `dial`. */
  identify({ chain, key }: Identity): void {
    for (const der of chain) this.exports.credential(CERTIFICATE, this.say(der));
    // Handshakes under way go on with the key that they began with.
    const id = this.crypto.addPrivateKey(key);
    if (this.privateKeys.push(id) > MAX_KEYS) this.crypto.removePrivateKey(this.privateKeys.shift() as number);
    this.exports.set(SettingKey.PrivateKey, id);
  }

  /** For the next `listen` or `dial`. */
  trust(roots: readonly Root[]): void {
    for (const { der, fromMs, toMs } of roots) this.exports.root(this.say(der), fromMs / 1000, toMs / 1000);
  }

  /**
   * Takes connections; the second time, new handshakes go by what was said since.
   *
   * @param tokens - that a client gets, so as to have proved its address when it comes again
   * @throws UsageError when that is refused
   */
  listen(clientCertificates: 'none' | 'request' | 'require', tokens: number): void {
    this.exports.set(SettingKey.Tokens, tokens);
    this.exports.set(SettingKey.ClientCertificates, ['none', 'request', 'require'].indexOf(clientCertificates));
    this.check(this.exports.listen());
  }

  /** Makes connections. @throws UsageError when what was said is refused */
  dial(verify: boolean): void {
    this.exports.set(SettingKey.Verify, verify ? 1 : 0);
    this.check(this.exports.dial());
  }

  /** For the next `connect`: what `takeToken` of another instance has returned. */
  useToken(token: Uint8Array): void {
    this.exports.use_token(this.say(token));
  }

  /** The last token that the server has given and no `connect` has taken, once. */
  takeToken(): Uint8Array | undefined {
    return this.heardIfAny(this.exports.take_token());
  }

  /** @returns the connection. @throws UsageError when it cannot be */
  connect(serverName: string, peer: AddressWords, port: number): number {
    const length = this.say(Buffer.from(serverName));
    this.words.set(peer.words, this.outAt + ADDRESS_AT);
    const index = this.exports.connect(length, peer.family, port, this.clock());
    if (index < 0) this.check(index);
    return index;
  }

  /** @returns the connection it was for, `DEALT_WITH` or `NEWCOMER`; see `answerBytes` */
  receive(datagram: Uint8Array, from: AddressWords, port: number): number {
    if (datagram.length > MAX_DATAGRAM_BYTES) return DEALT_WITH;
    this.refresh();
    this.bytes.set(datagram, this.rxAt);
    this.words.set(from.words, this.outAt + ADDRESS_AT);
    const index = this.exports.receive(datagram.length, from.family, port, this.clock());
    this.refresh();
    if (this.failure !== undefined) this.words[this.outAt] = 0;
    if (this.onKeyLog !== undefined && index >= 0) this.tellSecrets();
    return index;
  }

  /** After `receive`: bytes to send back, for `copy`. */
  get answerBytes(): number {
    return this.word(0);
  }

  /** After NEWCOMER: whether it has proved that it receives at its address. */
  get newcomerHasProved(): boolean {
    return this.word(1) === 1;
  }

  /** After NEWCOMER: whether it can be asked to. */
  get newcomerMayRetry(): boolean {
    return this.word(2) === 1;
  }

  /** Asks the newcomer for proof of its address. @returns bytes to send, for `copy` */
  retry(): number {
    const bytes = this.exports.retry();
    this.refresh();
    return bytes;
  }

  /** Begins with the newcomer. @returns the connection; -1 when it has failed at once, see `acceptFailure` */
  accept(): number {
    const index = this.exports.accept(this.clock());
    this.refresh();
    if (this.onKeyLog !== undefined && index >= 0) this.tellSecrets();
    return index;
  }

  private tellSecrets(): void {
    const length = this.exports.key_log();
    if (length > 0) this.onKeyLog?.(this.heard(length));
  }

  /** After `accept` has failed: why, and bytes to send, for `copy`. */
  acceptFailure(): { readonly loss: Loss; readonly answerBytes: number } {
    return { loss: this.loss(), answerBytes: this.failure === undefined ? this.word(4) : 0 };
  }

  private loss(): Loss {
    return {
      kind: this.word(0),
      code: this.word(2) * 2 ** 32 + this.word(1),
      text: this.heard(this.word(3)).toString(),
    };
  }

  /** Makes a batch of datagrams, for `copy`. @returns bytes in all; 0 when there are none */
  transmit(index: number, maxDatagrams: number): number {
    const total = this.exports.transmit(index, this.clock(), maxDatagrams);
    this.refresh();
    return total;
  }

  /** After `transmit`: bytes of each datagram but the last. */
  get segmentBytes(): number {
    return this.word(SEGMENT_AT);
  }

  /** After `transmit`: whether it goes to this address. */
  goesTo(address: AddressWords, port: number): boolean {
    return saidPort(this.words, this.outAt) === port && isSameAddress(address, this.words, this.outAt);
  }

  /** After `transmit`: where it goes. */
  get target(): { readonly host: string; readonly port: number } {
    return { host: saidAddress(this.words, this.outAt), port: saidPort(this.words, this.outAt) };
  }

  /** After `transmit`: whether the connection is at another address, and has only answered a question from there. */
  get isAside(): boolean {
    return this.word(ASIDE_AT) === 1;
  }

  /** Copies bytes of what is to be sent. @param at - of it */
  copy(out: Uint8Array, at: number, length: number): void {
    out.set(this.bytes.subarray(this.word(ANSWER_AT) + at, this.word(ANSWER_AT) + at + length));
  }

  /** Milliseconds until `handleTimeout` is due; infinite when it is not. */
  timeoutMs(index: number): number {
    return this.exports.timeout(index) - this.clock();
  }

  handleTimeout(index: number): void {
    this.exports.handle_timeout(index, this.clock());
  }

  /** What has happened since it was asked before, in bits of `Happened`. */
  happened(index: number): number {
    return this.exports.happened(index);
  }

  /** After `Lost`. */
  lost(index: number): Loss {
    this.exports.lost(index);
    this.refresh();
    return this.loss();
  }

  /** The certificate that was refused last because of its name, once. */
  takeRefusedCertificate(): Uint8Array | undefined {
    return this.heardIfAny(this.exports.refused_certificate());
  }

  /** @returns whether the peer allows it */
  openStream(index: number): boolean {
    return this.exports.open_stream(index) === 1;
  }

  /** @returns bytes taken, which are copied; or BLOCKED, STOPPED, or less when the stream is over */
  write(index: number, bytes: Uint8Array): number {
    const at = this.exports.stage(bytes.length);
    if (this.failure !== undefined) return BLOCKED;
    this.refresh();
    this.bytes.set(bytes, at);
    return this.exports.write(index);
  }

  finish(index: number): void {
    this.exports.finish(index);
  }

  /** @returns bytes written to `out`; `readEnd` says more */
  read(index: number, out: Uint8Array): number {
    const total = this.exports.read(index, out.length, this.clock());
    this.refresh();
    if (this.failure !== undefined) {
      this.words[this.outAt + 1] = 0;
      return 0;
    }
    const count = this.word(0);
    let to = 0;
    for (let piece = 0; piece < count; piece++) {
      const at = this.word(2 + 2 * piece);
      const length = this.word(3 + 2 * piece);
      out.set(this.bytes.subarray(at, at + length), to);
      to += length;
    }
    return total;
  }

  /** After `read`: 1 the end of the stream, 2 it was reset. */
  get readEnd(): number {
    return this.word(1);
  }

  close(index: number, code: number, reason: string): void {
    this.exports.close(index, code, this.say(Buffer.from(reason)), this.clock());
  }

  /** With which code the peer has stopped reading. */
  stopped(index: number): number {
    return this.exports.stopped(index);
  }

  /** Milliseconds; 0 = none. */
  peerIdleTimeoutMs(index: number): number {
    return this.exports.peer_idle_timeout(index);
  }

  /** Makes the peer answer. */
  ping(index: number): void {
    this.exports.ping(index);
  }

  /** New keys from the next packet on; the peer follows. */
  updateKeys(index: number): void {
    this.exports.update_keys(index);
  }

  /** DER; undefined when it has shown none. */
  peerCertificate(index: number): Uint8Array | undefined {
    return this.heardIfAny(this.exports.peer_certificate(index));
  }

  /** Empty without one. */
  alpn(index: number): string {
    return this.heard(this.exports.alpn(index)).toString('latin1');
  }

  /** Bytes of packets that the peer has acknowledged. */
  acknowledgedBytes(index: number): number {
    return this.exports.acknowledged(index);
  }

  pathFacts(index: number): PathFacts | undefined {
    const number = this.stats(index);
    return number && pathFacts(number);
  }

  /** Once the handshake is complete. */
  cipher(index: number): QuicCipher {
    return CIPHERS[this.stats(index)?.(7) ?? 0] as QuicCipher;
  }

  private stats(index: number): ((place: number) => number) | undefined {
    const bytes = this.exports.stats(index) === 0 ? undefined : this.heard(8 * 8);
    return bytes && ((place) => bytes.readDoubleLE(8 * place));
  }

  private heardIfAny(length: number): Uint8Array | undefined {
    return length === 0 ? undefined : new Uint8Array(this.heard(length));
  }

  /** The connection is needed no more; its number is given to another one. */
  forget(index: number): void {
    this.exports.forget(index);
  }
}
