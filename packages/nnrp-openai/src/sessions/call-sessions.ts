import { shownPlain, UsageError } from 'nnrp-core';
import {
  isNnrpError,
  type NnrpClient,
  type NnrpClientSession,
  type SessionOptions,
  TransportError,
} from 'nnrp-runtime';

/** A session with a place for one more call, until it is released. */
export interface TakenSession {
  readonly session: NnrpClientSession;
  release(): void;
}

const SPARE = 16;

interface Held {
  readonly session: NnrpClientSession;
  calls: number;
}

/**
 * The sessions that requests share: of one client, which is made when the first request comes and anew when it is over. Another
 * session is opened when all have as many calls as their server lets them have at once, up to a limit; then calls wait in
 * the one that has fewest.
 */
export class CallSessions {
  readonly #connect: () => Promise<NnrpClient>;
  readonly #options: SessionOptions;
  readonly #maxSessions: number;
  /** Less than that, where the server has refused one more. */
  #limit: number;
  #client: Promise<NnrpClient> | undefined;
  /** The same, once it is there. */
  #made: NnrpClient | undefined;
  #sessions: Held[] = [];
  #opening: Promise<void> | undefined;
  #isClosed = false;

  constructor(connect: () => Promise<NnrpClient>, maxSessions: number, options: SessionOptions) {
    this.#connect = connect;
    this.#maxSessions = maxSessions;
    this.#limit = maxSessions;
    this.#options = options;
  }

  get count(): number {
    return this.#sessions.length;
  }

  /** @throws (as a rejection) what connecting and opening a session reject with */
  async take(): Promise<TakenSession> {
    for (let opened = 0; ; opened++) {
      // Others may have taken the place in each one that was opened; more than there may be have ended at once.
      if (opened > this.#maxSessions + SPARE) throw new TransportError('sessions end as soon as they are open');
      if (this.#isClosed) throw new TransportError('the server is closed');
      this.#sessions = this.#sessions.filter(({ session }) => session.endReason === undefined);
      const best = this.#fewestCalls();
      if (best !== undefined && (best.calls < roomOf(best.session) || this.#sessions.length >= this.#limit))
        return take(best);
      await this.#openOne();
    }
  }

  /** Closes what is open; calls that are under way get their time. A client that is still being made is closed when it is there. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#made === undefined) this.#client?.then((client) => client.close()).catch(() => {});
    await this.#made?.close();
  }

  #fewestCalls(): Held | undefined {
    let best: Held | undefined;
    for (const held of this.#sessions) {
      if (best === undefined || held.calls - roomOf(held.session) < best.calls - roomOf(best.session)) best = held;
    }
    return best;
  }

  /** Opens one session at a time. Calls that wait for it look again when it is open. */
  #openOne(): Promise<void> {
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #open(): Promise<void> {
    const client = await this.#connected();
    try {
      const session = await client.openSession(this.#options);
      this.#sessions.push({ session, calls: 0 });
    } catch (error) {
      // A server that has no room for one more session has room in those that there are.
      if (this.#sessions.length === 0 || !isNnrpError(error, 'NNRP_ERR_SESSION_REFUSED')) throw error;
      this.#limit = this.#sessions.length;
    }
  }

  #connected(): Promise<NnrpClient> {
    if (this.#client === undefined) {
      const connecting = this.#connect().then(checkedClient);
      this.#client = connecting;
      const forget = () => {
        if (this.#client !== connecting) return;
        this.#client = undefined;
        this.#made = undefined;
        this.#sessions = [];
        this.#limit = this.#maxSessions;
      };
      connecting.then((client) => {
        this.#made = client;
        client.closed.then(forget, forget);
      }, forget);
    }
    return this.#client;
  }
}

/** @throws UsageError on what is no client: most often the promise of one was not returned */
function checkedClient(client: NnrpClient): NnrpClient {
  const { openSession, closed } = (client ?? {}) as Partial<NnrpClient>;
  if (typeof openSession === 'function' && typeof closed?.then === 'function') return client;
  throw new UsageError(
    `createOpenAiServer: connect returns a promise of an NnrpClient, got one of ${shownPlain(client)}`,
  );
}

function take(held: Held): TakenSession {
  held.calls++;
  let isTaken = true;
  const release = () => {
    if (isTaken) held.calls--;
    isTaken = false;
  };
  return { session: held.session, release };
}

/** Calls that its server lets it have at once. */
function roomOf({ ack }: NnrpClientSession): number {
  const { maxInFlightOperations, grantedOperationCredit } = ack;
  const most = maxInFlightOperations === 0 ? grantedOperationCredit : maxInFlightOperations;
  return Math.max(1, Math.min(most, grantedOperationCredit));
}
