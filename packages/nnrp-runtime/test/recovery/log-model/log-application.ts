import { ignoreRejection } from '../../../src/base/promises/settled.js';
import type { NnrpServerSession, OperationContext } from '../../../src/server/contract/contract.js';
import type { ServeHandlers } from '../../../src/server/serve/serve-handlers.js';

/** The server's application: it does what the test says, and notes what reaches it and what it has said. */
export class LogApplication {
  /** Frames of submits, in the order of arrival. */
  readonly submits: number[] = [];
  readonly cancels: number[] = [];
  /** What must not be. */
  readonly faults: string[] = [];
  readonly patches: number[] = [];
  /** Results and drops that it has sent, in order, as the peer should get them. */
  readonly said: string[] = [];
  /** Of those what may not have been sent after all. */
  readonly unsure = new Set<string>();
  session: NnrpServerSession | undefined;
  endReason: string | undefined;
  private readonly operations: OperationContext[] = [];
  private readonly busy = new Set<OperationContext>();
  private parts = 0;

  readonly handlers: ServeHandlers = {
    submit: async (operation) => {
      this.submits.push(operation.frameId);
      this.operations.push(operation);
      await operation.finished;
    },
    cancel: ({ frameId }) => {
      this.cancels.push(frameId);
      const operation = this.operations.find((candidate) => candidate.frameId === frameId);
      if (operation?.isOver === false) this.faults.push(`frame ${frameId} is cancelled and goes on`);
    },
    patch: ({ metadata }) => {
      this.patches.push(metadata.targetCadenceX100);
      return {};
    },
    session: (session) => {
      this.session = session;
    },
    ended: (_session, reason) => {
      this.endReason = reason.message;
    },
  };

  get inFlight(): readonly OperationContext[] {
    return this.operations.filter((operation) => !operation.isOver && !this.busy.has(operation));
  }

  push(pick: number): void {
    this.say(
      pick,
      (frameId) => `partial ${frameId} ${++this.parts} ${'x'.repeat(40)}`,
      (operation, text) => operation.push(text),
    );
  }

  complete(pick: number): void {
    this.say(
      pick,
      (frameId) => `result ${frameId} ${++this.parts}`,
      (operation, text) => operation.complete(text),
    );
  }

  drop(pick: number): void {
    this.say(
      pick,
      (frameId) => `drop ${frameId}`,
      (operation) => operation.drop(),
    );
  }

  private say(
    pick: number,
    wordsOf: (frameId: number) => string,
    send: (operation: OperationContext, text: string) => Promise<unknown>,
  ): void {
    const { inFlight } = this;
    const operation = inFlight[pick % inFlight.length];
    if (operation === undefined) return;
    const words = wordsOf(operation.frameId);
    this.said.push(words);
    this.busy.add(operation);
    const sent = send(operation, words.split(' ').slice(2).join(' '));
    // A cancel or the end of the session came while it waited: it may have been sent by then.
    const unsure = () => void this.unsure.add(words);
    ignoreRejection(sent.catch(unsure).finally(() => this.busy.delete(operation)));
  }
}
