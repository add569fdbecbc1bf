import * as preview3 from 'nnrp-core/preview3';
import { afterEach, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.js';
import type { KnownSession } from './known-session.js';
import { RecoveryServer, type ResumeVerdict } from './recovery-server.js';

const { MessageType } = preview3;

afterEach(() => RecoveryServer.clear());

const SESSIONS = 3;
const OPERATIONS = 40;
const PARTIALS = 5;

/** Numbers from 0 to 1, the same for the same seed. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Answers each submit of a session, a step at a time. */
class Answering {
  private readonly steps: (() => void)[] = [];
  private answered = 0;

  constructor(
    private readonly server: RecoveryServer,
    private readonly known: KnownSession,
  ) {}

  /** @returns whether there was something to do */
  step(random: () => number): boolean {
    const frames = this.server.submits(this.known);
    for (; this.answered < frames.length; this.answered++) {
      const frameId = frames[this.answered] as number;
      for (let part = 0; part < PARTIALS; part++)
        this.steps.push(() => this.server.partial(this.known, frameId, `${frameId}.${part} `));
      this.steps.push(() => this.server.result(this.known, frameId, `${frameId}.end`));
    }
    const [step] = this.steps.splice(0, 1);
    step?.();
    // Some leave the server, count, and do not arrive: the cut that follows has them on the way.
    if (random() < 0.02 && this.known.link !== undefined) this.server.cut(this.known.link);
    return step !== undefined;
  }
}

it.each([1, 2, 3, 4, 5, 6])(
  'every result comes once and in order, however often the connection is cut: seed %i',
  async (seed) => {
    const random = numbers(seed);
    const server = await RecoveryServer.start();
    const { client, session: first } = await server.session({ pingTimeoutMs: 2000 }, { maxInFlightOperations: 8 });
    const sessions = [first];
    while (sessions.length < SESSIONS) sessions.push(await client.openSession({ maxInFlightOperations: 8 }));
    const odd: ResumeVerdict[] = ['cut', 'cut inside', 'cut behind', { retryAfterMs: 1 }];
    server.verdict = () => (random() < 0.2 ? (odd[Math.floor(random() * odd.length)] as ResumeVerdict) : 'resume');
    const working = sessions.map(async (session) => {
      const read: Promise<void>[] = [];
      for (let at = 1; at <= OPERATIONS; at++) {
        const operation = await session.submit(new Uint8Array(random() < 0.2 ? 20_000 : 10));
        read.push(
          (async () => {
            let text = '';
            for await (const result of operation) text += result.text();
            const parts = Array.from({ length: PARTIALS }, (_, part) => `${operation.frameId}.${part} `).join('');
            expect(text).toBe(`${parts}${operation.frameId}.end`);
          })(),
        );
      }
      await Promise.all(read);
    });
    const knowns = sessions.map((session) => server.known(session));
    let isDone = false;
    const all = Promise.all(working).then(() => {
      isDone = true;
    });
    const answers = knowns.map((known) => new Answering(server, known));
    const cuts = [() => server.cut(), () => server.leave(), () => server.link.socket.end()];
    while (!isDone) {
      for (const each of answers) each.step(random);
      if (random() < 0.03) cuts[Math.floor(random() * cuts.length)]?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await all;
    expect(server.links.length).toBeGreaterThan(3);
    const frames = Array.from({ length: OPERATIONS }, (_, at) => at + 1);
    for (const known of knowns) expect(server.submits(known)).toEqual(frames);
    expect(client.toJSON()).toMatchObject({ state: 'open', sessionCount: SESSIONS });
    await eventually(() => knowns.every(({ link }) => link !== undefined), 'all are back');
    expect(server.link.count(MessageType.Error)).toBe(0);
  },
);
