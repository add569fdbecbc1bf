import { type FlowFields, isNnrpError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { NnrpClient } from '../../src/client/client.js';
import type { NnrpClientSession } from '../../src/client/session/client-session.js';
import type { FramedTransport } from '../../src/transport/contract/contract.js';
import { carrier } from '../support/carrier.js';
import { STEP_PATIENCE_MS } from './model-peer.js';
import { MAX_IN_FLIGHT } from './model-state.js';

const { UpdateReason } = preview3;

/** One submit of a real client, until it is settled. */
export interface ModelCall {
  readonly controller: AbortController;
  readonly text: string;
  settled: boolean;
}

/** One session of a real client. */
export class CallerSession {
  readonly calls = new Set<ModelCall>();
  readonly outcomes = new Map<string, number>();
  private credit = MAX_IN_FLIGHT;
  private blocked = false;

  constructor(
    readonly session: NnrpClientSession,
    private readonly breaches: string[],
  ) {}

  get sessionId(): number {
    return this.session.sessionId;
  }

  /** Operations that the client may have in flight, from what the server has told it. */
  get window(): number {
    return this.blocked ? 0 : Math.min(this.credit, MAX_IN_FLIGHT);
  }

  /** The server has said so. */
  told({ credit, updateReason = UpdateReason.Grant }: FlowFields): void {
    if (credit !== undefined) this.credit = credit;
    if (updateReason === UpdateReason.Pause) this.blocked = true;
    else if (updateReason === UpdateReason.Grant || updateReason === UpdateReason.Resume) this.blocked = false;
  }

  /** Submits, and follows the work to its end. */
  submit(text: string, deadlineMs?: number): void {
    const call: ModelCall = { controller: new AbortController(), text, settled: false };
    this.calls.add(call);
    void this.follow(call, deadlineMs).then((outcome) => {
      call.settled = true;
      this.calls.delete(call);
      this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
    });
  }

  private async follow({ controller, text }: ModelCall, deadlineMs: number | undefined): Promise<string> {
    const { signal } = controller;
    try {
      const options = { signal, ...(deadlineMs === undefined ? {} : { deadlineMs }) };
      const operation = await this.session.submit(text, options);
      const bodies: string[] = [];
      let lasts = 0;
      for await (const result of operation) {
        if (lasts > 0) this.breach(text, 'a result after the last one');
        if (!result.partial) lasts++;
        bodies.push(new TextDecoder().decode(result.body));
      }
      if (lasts !== 1) this.breach(text, `${lasts} last results`);
      this.compare(text, bodies);
      return 'result';
    } catch (error) {
      if (!isNnrpError(error)) {
        this.breach(text, String(error));
        return 'breach';
      }
      return error.code;
    }
  }

  private compare(text: string, bodies: string[]): void {
    const [mode, first = ''] = text.split(' ');
    if (mode === 'stream') {
      const wanted = Array.from({ length: Number(first) + 1 }, (_, part) => `${part}`);
      if (bodies.join() !== wanted.join()) this.breach(text, `got ${bodies.join()}`);
    } else if ((mode === 'echo' || mode === 'later') && bodies.join() !== first) {
      this.breach(text, `got ${bodies.join()}`);
    }
  }

  private breach(text: string, what: string): void {
    this.breaches.push(`client session ${this.sessionId}, submit '${text}': ${what}`);
  }
}

/** One connection of a real client, whose promises are checked. */
export class ModelCaller {
  readonly sessions: CallerSession[] = [];

  private constructor(
    readonly client: NnrpClient,
    private readonly transport: FramedTransport,
    private readonly breaches: string[],
  ) {
    client.on('stray', ({ packet, message }) => {
      breaches.push(`client: stray ${message.name}, session ${packet.sessionId}, frame ${packet.frameId}`);
    });
    client.on('protocolViolation', ({ error }) => breaches.push(`client: ${error.message}`));
  }

  static async connect(address: string, breaches: string[]): Promise<ModelCaller> {
    const transport = await carrier.connect(address);
    const config = { closeTimeoutMs: STEP_PATIENCE_MS, pingTimeoutMs: STEP_PATIENCE_MS };
    return new ModelCaller(NnrpClient.fromTransport(transport, config), transport, breaches);
  }

  async open(): Promise<CallerSession> {
    const session = new CallerSession(await this.client.openSession({ defaultDeadlineMs: 0 }), this.breaches);
    this.sessions.push(session);
    return session;
  }

  /** Every call that has no end yet. */
  get calls(): ModelCall[] {
    return this.sessions.flatMap(({ calls }) => [...calls]);
  }

  vanish(): void {
    this.transport.abort();
  }
}
