import type { Packet } from 'nnrp-core';
import { vi } from 'vitest';
import { NnrpServer } from '../../../src/server/server.js';
import { described } from '../../support/described.js';
import { openAck } from '../../support/wire-packets.js';
import { type CuttableWire, WireListener } from './cuttable-wire.js';
import { LogApplication } from './log-application.js';
import type { LogCommand, PositionChoice, TokenChoice } from './log-commands.js';
import { LogPeer } from './log-peer.js';
import type { LogSettings } from './log-settings.js';
import { ModelTokens } from './model-tokens.js';
import { counting, isPrefix, must, tokenOf, turns } from './model-words.js';

const WINDOW_MS = 60_000;
const FENCE_MS = 260;
/** An answer to a wrong token waits so long at most. */
const DELAY_MS = 3000;
const MOST_IN_FLIGHT = 12;
/** With less than this kept for a client that is away, partial results wait. */
const SMALL_BYTES = 10_000;

/** One session of a live server, and what should be so after each command. */
export class LogModel {
  private readonly listener = new WireListener();
  private readonly peer = new LogPeer(this.listener);
  private readonly application = new LogApplication();
  private readonly server: NnrpServer;
  private readonly serving: Promise<void>;
  private readonly tokens = new ModelTokens();
  /** Packets of the session that have got to the server. */
  private serverHas = 0;
  /** Packets of the session of which the server knows that the peer has them. */
  private confirmed = 0;
  private awayMs = 0;
  /** Over which the session was resumed last. */
  private lastWire: CuttableWire | undefined;
  private isExpired = false;
  private readonly asked = new Set<number>();
  /** What has happened, for the message of a failure. */
  readonly story: string[] = [];
  readonly counts = { resumed: 0, refused: 0, takenOver: 0, expired: 0, replayed: 0, got: 0 };

  /** Whether results of different frames come in the order in which they were sent. */
  private readonly isOrdered: boolean;

  constructor(settings: LogSettings) {
    this.isOrdered = settings.maxSuspendedBytes > SMALL_BYTES;
    this.server = NnrpServer.fromListener(this.listener, {
      resumeWindowMs: WINDOW_MS,
      maxSuspendedBytes: settings.maxSuspendedBytes,
      maxInFlightOperations: 64,
      grantedOperationCredit: 64,
      deadlines: false,
      keepAliveMs: 0,
      pingTimeoutMs: 100 * WINDOW_MS,
      refusalsPerAddress: 0,
      drainTimeoutMs: 0,
      ...(settings.isPolicySlow ? { authorize: () => Promise.resolve(true) } : {}),
    });
    this.serving = this.server.serve(this.application.handlers);
  }

  async open(): Promise<void> {
    const wire = this.peer.ask(new Uint8Array(0), undefined);
    const ack = await this.answered(wire);
    this.tokens.newest = tokenOf(ack);
    this.peer.wire = wire;
    while (this.peer.take());
  }

  async run(command: LogCommand): Promise<void> {
    this.story.push(JSON.stringify(command));
    await this.act(command);
    await turns();
    this.lookAtWire();
    this.check();
  }

  /** Everything comes home: what is under way arrives, and everything has its end. */
  async finish(): Promise<void> {
    this.story.push('finish');
    for (let round = 0; round < 3; round++) {
      if (!this.isExpired && this.wire === undefined && !this.isDone) await this.resume('held', 'right');
      await this.flow();
      while (this.application.inFlight.length > 0) this.application.complete(0);
      await this.flow();
    }
    this.check();
    this.checkWhole();
  }

  async end(): Promise<void> {
    this.peer.wire?.cut();
    const closing = this.server.close();
    await turns();
    await vi.advanceTimersByTimeAsync(WINDOW_MS);
    await closing;
    await this.serving.catch(() => {});
  }

  private get wire(): CuttableWire | undefined {
    return this.peer.wire;
  }

  /** The session is over, and the peer has the last word of it. */
  private get isDone(): boolean {
    return this.application.endReason !== undefined && this.hasLastWord;
  }

  private get hasLastWord(): boolean {
    return this.peer.got.some(
      (words) => words === 'close ack closed' || words.startsWith('close ser') || words === 'close normal',
    );
  }

  private async act(command: LogCommand): Promise<void> {
    const { peer, application, wire } = this;
    switch (command.do) {
      case 'submit':
        if (!peer.isClosing && application.inFlight.length < MOST_IN_FLIGHT) peer.submit();
        return;
      case 'patch':
        if (!peer.isClosing) peer.patch();
        return;
      case 'cancel':
        this.cancel(command.pick);
        return;
      case 'push':
      case 'complete':
      case 'drop':
        application[command.do](command.pick);
        return;
      case 'pass':
        await this.pass(command.count);
        return;
      case 'deliver':
        this.deliver(command.count);
        return;
      case 'fence':
        await this.wait(FENCE_MS);
        return;
      case 'cut':
        await this.cut(command.pass, command.deliver, command.half);
        return;
      case 'resume':
        await this.resume(command.token, command.position);
        return;
      case 'resume twice':
        await this.resumeTwice();
        return;
      case 'expire':
      case 'half window':
        if (wire !== undefined) return;
        await this.wait(command.do === 'expire' ? WINDOW_MS : WINDOW_MS / 2);
        return;
      case 'client close':
        if (!peer.isClosing) peer.close();
        return;
      case 'server close':
        application.session?.close({ inFlightPolicy: 1, drainTimeoutMs: 0 }).catch(() => {});
        return;
    }
  }

  private cancel(pick: number): void {
    const { peer } = this;
    if (peer.frames === 0 || peer.isClosing) return;
    const frameId = 1 + (pick % peer.frames);
    if (this.asked.has(frameId)) return;
    this.asked.add(frameId);
    peer.cancel(frameId);
  }

  private async pass(count: number): Promise<void> {
    for (let left = count; left > 0; left--) {
      const { wire } = this;
      const kind = wire?.pass();
      if (wire === undefined || kind === undefined) return;
      if (kind === 'session') {
        this.serverHas++;
        wire.isProved = true;
      }
      if (kind === 'pong') {
        wire.mayBeProved = true;
        this.confirmed = Math.max(this.confirmed, wire.fences.shift() ?? 0);
      }
      await turns();
      this.lookAtWire();
    }
  }

  private deliver(count: number): void {
    for (let left = count; left > 0 && this.peer.take(); left--);
  }

  private async cut(pass: number, deliver: number, half: boolean): Promise<void> {
    this.deliver(deliver);
    await this.pass(pass);
    const { wire } = this;
    if (wire === undefined) return;
    if (half) wire.passHalf();
    await turns();
    wire.cut();
  }

  private async wait(ms: number): Promise<void> {
    await vi.advanceTimersByTimeAsync(ms);
    await turns();
    if (this.wire !== undefined) return;
    this.awayMs += ms;
    if (this.awayMs < WINDOW_MS || this.isExpired) return;
    this.isExpired = true;
    this.counts.expired++;
  }

  private async resume(choice: TokenChoice, position: PositionChoice): Promise<void> {
    const { peer } = this;
    const token = this.chosen(choice);
    if (token === undefined || (position === 'too low' && this.confirmed === 0)) return;
    const expected = this.expectation(token, position);
    if (expected === 'either') return;
    const right = peer.got.length;
    const received = position === 'right' ? right : position === 'too high' ? right + 100_000 : this.confirmed - 1;
    const before = this.wire;
    const wire = peer.ask(token, received);
    const ack = await this.answered(wire);
    const isGranted = openAck(ack).sessionErrorCode === 0;
    this.story.push(`  ${described(ack)}`);
    // Over, with the last word delivered: the server may know that or not.
    if (expected === 'granted or gone' && !isGranted) {
      wire.cut();
      return;
    }
    must(isGranted === (expected !== 'refused'), `${choice} token, ${position}: ${described(ack)}, not ${expected}`);
    if (!isGranted) {
      must(described(ack) === 'refused resume_rejected', described(ack));
      this.counts.refused++;
      wire.cut();
      return;
    }
    this.granted(token, wire, ack, before);
  }

  private async resumeTwice(): Promise<void> {
    const { peer } = this;
    const { token } = peer;
    if (this.expectation(token, 'right') !== 'granted') return;
    const before = this.wire;
    const wires = [peer.ask(token, peer.got.length), peer.ask(token, peer.got.length)];
    for (const wire of wires) wire.pass();
    await turns();
    const live = wires.filter(
      ({ isOver, answer }) => !isOver && answer !== undefined && openAck(answer).sessionErrorCode === 0,
    );
    must(live.length === 1, `${live.length} of two resumes have the session`);
    const [wire] = live as [CuttableWire];
    for (const other of wires) if (other !== wire) other.cut();
    this.granted(token, wire, wire.answer as Packet, before);
    this.tokens.presentedTwice();
  }

  private granted(presented: Uint8Array, wire: CuttableWire, ack: Packet, before: CuttableWire | undefined): void {
    const { peer } = this;
    if (before !== undefined) {
      must(before.isOver, 'the old connection lives on');
      this.counts.takenOver++;
      // What it still brings counts for nothing.
      before.pass();
    }
    this.counts.resumed++;
    this.tokens.presented(presented, tokenOf(ack));
    this.confirmed = Math.max(this.confirmed, peer.got.length);
    this.awayMs = 0;
    peer.token = presented;
    peer.wire = wire;
    this.lastWire = wire;
    const position = peer.positionIn(ack);
    // What comes for a session that is over is not counted any more: nothing is done with it.
    const isOver = this.application.endReason !== undefined;
    must(
      isOver || position === this.serverHas,
      `the server says it has ${position} packets, and has ${this.serverHas}`,
    );
    this.counts.replayed += wire.toPeer.length - 1;
  }

  private chosen(choice: TokenChoice): Uint8Array | undefined {
    const { peer } = this;
    if (choice === 'held') return peer.token;
    if (choice === 'newest') return this.tokens.newest;
    if (choice === 'old') return this.tokens.oldest;
    if (choice === 'cut off') return peer.token.subarray(0, peer.token.length - 1);
    return peer.token.map((byte) => byte ^ 1);
  }

  private expectation(
    token: Uint8Array,
    position: PositionChoice,
  ): 'granted' | 'granted or gone' | 'refused' | 'either' {
    const isUnproved = this.tokens.isUnproved(token);
    if (this.isExpired || !(isUnproved || this.tokens.isNewest(token))) return 'refused';
    const proofs = this.lastWire;
    if (isUnproved && proofs?.isProved) return 'refused';
    if (isUnproved && (proofs?.mayBeProved || this.tokens.isDoubtful(token))) return 'either';
    const isOver = this.application.endReason !== undefined;
    if (position !== 'right') return 'refused';
    return isOver && (this.hasLastWord || this.awayMs > 0) ? 'granted or gone' : 'granted';
  }

  /** @returns SESSION_OPEN_ACK, which the peer has not got yet */
  private async answered(wire: CuttableWire): Promise<Packet> {
    wire.pass();
    await turns();
    // Answers to guesses are late.
    if (wire.answer === undefined) await this.wait(DELAY_MS);
    const { answer } = wire;
    must(answer !== undefined, 'SESSION_OPEN has no answer');
    return answer as Packet;
  }

  private lookAtWire(): void {
    if (this.peer.wire?.isOver) {
      this.peer.wire.cut();
      this.peer.wire = undefined;
    }
  }

  /** All that is under way arrives. */
  private async flow(): Promise<void> {
    for (let round = 0; round < 60; round++) {
      await turns();
      this.lookAtWire();
      if (this.wire === undefined) return;
      if (this.wire.toPeer.length + this.wire.toServer.length === 0) return;
      this.deliver(1000);
      await this.pass(1000);
    }
    throw new Error('it does not come to rest');
  }

  private check(): void {
    const { application, peer } = this;
    const { submits, cancels, patches, said } = application;
    must(isPrefix(submits, counting(peer.frames)), `submits reach the handler as ${submits}`);
    must(application.faults.length === 0, application.faults.join());
    must(new Set(cancels).size === cancels.length, `cancels reach the handler as ${cancels}`);
    must(isPrefix(patches, counting(peer.patches)), `patches reach the handler as ${patches}`);
    this.checkResults();
    const partials = peer.got.filter((words) => words.startsWith('partial ') && !said.includes(words));
    must(partials.length === 0, `the peer gets what nobody has said: ${partials}`);
    const ends = peer.got.filter((words) => /^(result|drop) /.test(words)).map((words) => words.split(' ')[1]);
    must(new Set(ends).size === ends.length, `frames end twice: ${ends}`);
    if (application.endReason === undefined && !this.isExpired) {
      const suspended = this.wire === undefined ? 1 : 0;
      must(this.server.suspendedCount === suspended, `${this.server.suspendedCount} sessions are suspended`);
    } else if (this.isExpired) must(this.server.sessionCount === 0, 'an expired session is there');
  }

  /** Each result once and in order. Partial results that wait for room are overtaken by other frames. */
  private checkResults(): void {
    const { said, unsure } = this.application;
    const got = this.peer.got.filter((words) => said.includes(words));
    const expected = said.filter((words) => !unsure.has(words) || got.includes(words));
    const frames = this.isOrdered ? [undefined] : counting(this.peer.frames);
    for (const frame of frames) {
      const isOf = (words: string) => frame === undefined || Number(words.split(' ')[1]) === frame;
      const [part, whole] = [got.filter(isOf), expected.filter(isOf)];
      must(isPrefix(part, whole), `the peer gets ${JSON.stringify(part)} of ${JSON.stringify(whole)}`);
    }
  }

  /** After everything has come home. */
  private checkWhole(): void {
    const { application, peer } = this;
    this.counts.got = peer.got.length;
    if (this.isExpired) return;
    const isOver = application.endReason !== undefined;
    if (isOver) {
      must(this.hasLastWord, `it is over (${application.endReason}), and the peer has ${JSON.stringify(peer.got)}`);
    } else {
      must(application.submits.length === peer.frames, `${application.submits.length} of ${peer.frames} submits`);
      must(application.patches.length === peer.patches, `${application.patches.length} of ${peer.patches} patches`);
      const ended = new Set(
        peer.got.filter((words) => /^(result|drop) /.test(words)).map((words) => Number(words.split(' ')[1])),
      );
      for (const frameId of application.submits) must(ended.has(frameId), `frame ${frameId} has no end`);
    }
    const got = new Set(peer.got);
    const lost = application.said.filter((words) => !got.has(words) && !application.unsure.has(words));
    must(lost.length === 0, `the peer has not got ${lost}`);
  }
}
