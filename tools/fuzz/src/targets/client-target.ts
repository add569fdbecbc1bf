import type { Packet } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { NnrpClient } from 'nnrp-runtime';
import { type AppCall, type Carrier, FOCUS_ID, type State, type Step } from '../conversation.js';
import type { Coverage } from '../coverage.js';
import { type ClientRoad, clientRoad, MAX_PACKET_BYTES } from '../road.js';
import { Dice } from '../samples/dice.js';
import type { Samples } from '../samples/samples.js';
import { PREVIEW3 } from '../samples/samples-preview3.js';
import type { ProcessWatch } from '../watch.js';
import type { Wire } from '../wire.js';
import { callApplication, type Held } from './client-application.js';
import { Pledges, pause, turns, until } from './pledges.js';

const { MessageType } = preview3;
const TURNS = { tcp: 3, duplex: 2, memory: 2 } as const;
const SUBJECT = { sessionId: FOCUS_ID, frameId: 1 };
const PING = PREVIEW3.of('PING', SUBJECT, new Dice(1));
/** So short that a call that waits in vain is told before the end of the conversation. */
const CLIENT_CONFIG = {
  maxPacketBytes: MAX_PACKET_BYTES,
  openTimeoutMs: 250,
  closeTimeoutMs: 250,
  requestTimeoutMs: 40,
  pingTimeoutMs: 2000,
  maxBufferedResultBytes: 64 * 1024,
  maxWaitingSubmits: 64,
};

/** What is looked at inside a client. */
interface Inside {
  readonly connection: {
    readonly isClosed: boolean;
    readonly unfinishedBytes: number;
    readonly sessionCount: number;
    readonly flow: { readonly inFlight: number; readonly isIdle: boolean };
    readonly unread: { readonly unreadBytes: number; readonly isReadingPaused: boolean };
    readonly opens: { readonly isPending: boolean };
    readonly greeting: { readonly isPending: boolean };
  };
}

/** Our client under attack by a hostile server, while its application goes on. */
export class ClientTarget {
  readonly pledges = new Pledges();
  private client: NnrpClient | undefined;
  private wire: Wire | undefined;
  private held: Held = {};
  private asking = 0;

  private constructor(
    private readonly samples: Samples,
    private readonly carrier: Carrier,
    private readonly watch: ProcessWatch,
    private readonly road: ClientRoad,
  ) {}

  static async start(samples: Samples, carrier: Carrier, watch: ProcessWatch): Promise<ClientTarget> {
    return new ClientTarget(samples, carrier, watch, await clientRoad(carrier));
  }

  readonly isUsable = true;

  private get inside(): Inside['connection'] | undefined {
    return (this.client as unknown as Inside | undefined)?.connection;
  }

  /** Plays one conversation; what must not happen is added to the watch. */
  async play(steps: readonly Step[], seed: number, coverage: Coverage): Promise<void> {
    const dice = new Dice(seed);
    let joined: { step: Extract<Step, { do: 'say' }>; bytes: Uint8Array }[] = [];
    for (const step of steps) {
      if (step.do === 'reach') await this.reach(step.state, dice);
      else if (step.do === 'leave') this.wire?.[step.how]();
      else if (step.do === 'call') this.call(step.call, dice);
      else if (step.do === 'rest') await pause(step.ms);
      else {
        if (this.state() === 'over') await this.meet();
        joined.push({ step, bytes: new Uint8Array(Buffer.from(step.hex, 'hex')) });
        if (step.joined === true) continue;
        const state = this.state();
        for (const { step: one } of joined) coverage.count('client', state, one.name, one.how !== undefined);
        this.wire?.write(new Uint8Array(Buffer.concat(joined.map(({ bytes }) => bytes))), step.cuts);
        joined = [];
        await turns(TURNS[this.carrier]);
      }
    }
    await this.check();
  }

  /** Where the attacked side stands. */
  state(): string {
    const { inside } = this;
    const { session } = this.held;
    if (inside === undefined || inside.isClosed) return 'over';
    if (this.held.closing === true) return 'shutdown';
    if (inside.greeting.isPending) return 'greeting';
    if (session === undefined) return inside.opens.isPending ? 'opening' : 'fresh';
    const { state } = session;
    if (state !== 'open') return state;
    if (session.inFlightCount > 0) return 'busy';
    return this.asking > 0 ? 'asking' : 'open';
  }

  private async reach(state: State, dice: Dice): Promise<void> {
    const now = this.state();
    if (now === state) return;
    if (state === 'fresh' || state === 'greeting' || state === 'opening') await this.meet();
    if (state === 'fresh') return;
    if (state === 'greeting' || state === 'opening') {
      this.call(state === 'greeting' && !this.isHelloFirst ? 'hello' : 'open', dice);
      if (state === 'opening') await this.greet(dice);
      await this.arrives(() => this.state() === state);
      return;
    }
    if (now !== 'open') await this.openSession(dice);
    if (state === 'open') return;
    if (state === 'busy') this.call('submit', dice);
    else if (state === 'asking') this.call(dice.of(['patch', 'migrate', 'put'] as const), dice);
    else if (state === 'shutdown') {
      this.call('submit', dice);
      this.call('close', dice);
    } else {
      this.call('submit', dice);
      this.call('closeSession', dice);
      await turns(TURNS[this.carrier]);
      const closeStatus = state === 'draining' ? preview3.CloseStatus.Draining : preview3.CloseStatus.Closed;
      if (state !== 'closing') this.wire?.write(this.samples.of('SESSION_CLOSE_ACK', SUBJECT, dice, { closeStatus }));
    }
    await this.arrives(() => this.state() === state);
  }

  /** Over preview4 the hello goes first, whatever a client is asked for. */
  private get isHelloFirst(): boolean {
    return this.samples.revision === 'preview4';
  }

  /** Answers the hello of the client, where there is one. */
  private async greet(dice: Dice): Promise<void> {
    if (!this.isHelloFirst) return;
    await turns(TURNS[this.carrier]);
    this.wire?.write(this.samples.of('SERVER_HELLO_ACK', SUBJECT, dice));
    await this.arrives(() => this.state() !== 'greeting');
  }

  private async openSession(dice: Dice): Promise<void> {
    await this.meet();
    this.call('open', dice);
    await this.greet(dice);
    await turns(TURNS[this.carrier]);
    this.wire?.write(this.samples.of('SESSION_OPEN_ACK', SUBJECT, dice, { acceptedPriorityClass: 1 }));
    await this.arrives(() => this.held.session !== undefined);
  }

  private call(call: AppCall, dice: Dice): void {
    const { client } = this;
    if (client === undefined) return;
    const { held } = this;
    try {
      for (const [name, promise] of callApplication(call, client, held, dice)) this.follow(name, promise);
    } catch (error) {
      // What is thrown at once must be one of ours.
      if (!(error instanceof Error && 'code' in error)) this.watch.add('application call', error);
    }
  }

  private follow(name: string, promise: PromiseLike<unknown>): void {
    this.pledges.add(name, promise);
    if (name !== 'patch' && name !== 'migrate' && name !== 'put') return;
    this.asking++;
    const less = () => {
      this.asking--;
    };
    promise.then(less, less);
  }

  private async meet(): Promise<void> {
    await this.leave();
    const { transport, wire } = await this.road.meet();
    this.wire = wire;
    const client = NnrpClient.fromTransport(transport, { ...CLIENT_CONFIG, revision: this.samples.revision });
    client.on('internalError', ({ error }) => this.watch.add('internalError', error));
    this.client = client;
    this.held = {};
    this.pledges.add('closed', client.closed);
  }

  private async arrives(what: () => boolean): Promise<void> {
    await until(what, 15);
  }

  /** What must hold after the attack, and after all ends have left. */
  private async check(): Promise<void> {
    const { wire, inside } = this;
    if (wire !== undefined && inside !== undefined && !(await this.answersOrIsOver(wire, inside))) {
      this.watch.add('hung', 'the attacked client neither answers a PING nor ends');
    }
    await this.leave();
  }

  /** The application closes, and the hostile server vanishes; what is left then is a violation. */
  private async leave(): Promise<void> {
    const { client, wire, inside } = this;
    if (client === undefined || inside === undefined) return;
    this.pledges.add('close', client.close());
    wire?.destroy();
    if (!(await until(() => this.leftovers(inside).length === 0, this.watch.patienceMs))) {
      this.watch.add('left behind', this.leftovers(inside).join('; '));
    }
    this.client = undefined;
    this.wire = undefined;
  }

  private leftovers(inside: Inside['connection']): string[] {
    const counts = {
      sessions: inside.sessionCount,
      'operations in flight': inside.flow.inFlight,
      'sessions in a line': inside.flow.isIdle ? 0 : 1,
      'unread bytes': inside.unread.unreadBytes,
    };
    const left = Object.entries(counts).flatMap(([name, count]) => (count === 0 ? [] : [`${name}: ${count}`]));
    if (!inside.isClosed) left.push('the connection is open');
    if (this.pledges.size > 0) left.push(`promises: ${this.pledges.names().join(', ')}`);
    return left;
  }

  private async answersOrIsOver(wire: Wire, inside: Inside['connection']): Promise<boolean> {
    // Results that are not read stop the reading, as they should.
    const isSettled = () => wire.isOver || inside.isClosed || inside.unread.isReadingPaused || wire.take().some(isPong);
    wire.write(PING);
    if (await until(isSettled, 40)) return true;
    wire.write(new Uint8Array(MAX_PACKET_BYTES + 64));
    wire.write(PING);
    // So many bytes end every packet but one above the limit: the client skips that as it comes, up to 4 GiB, and its
    // keep-alive notices when nothing comes any more. That it ends with its connection is seen in leave().
    return until(() => isSettled() || inside.unfinishedBytes > 0, this.watch.patienceMs);
  }

  async stop(): Promise<void> {
    this.road.close();
  }
}

function isPong(packet: Packet): boolean {
  return packet.messageType === MessageType.Pong;
}
