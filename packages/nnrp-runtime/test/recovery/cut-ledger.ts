/** Something was lost, doubled or out of order. */
export class CutFault extends Error {
  constructor(
    readonly subject: string,
    text: string,
  ) {
    super(`${subject}: ${text}`);
  }
}

interface Line {
  readonly atMs: number;
  readonly subject: string;
  readonly text: string;
}

const KEPT_LINES = 200_000;
const SHOWN_LINES = 60;
const SHOWN_LETTERS = 240;
/** What happens to the network and its connections, which the story of each operation shows. */
export const NETWORK = 'network';

/** What has become of each operation, and its story. */
export class CutLedger {
  readonly counts = { answered: 0, cancelled: 0, failed: 0, cut: 0, partials: 0, patches: 0, sessions: 0 };
  /** Handlers that run at the moment. */
  running = 0;
  private lines: Line[] = [];
  private readonly seen = new Map<string, number>();
  private readonly atServer = new Map<string, { opened: number; ended: number }>();
  private readonly startedMs = performance.now();
  private fault: CutFault | undefined;
  private raise: (fault: CutFault) => void = () => {};
  /** Rejects with the first fault that is found where there is nothing to reject. */
  readonly faulty = new Promise<never>((_, reject) => {
    this.raise = reject;
  });

  constructor() {
    this.faulty.catch(() => {});
  }

  tell(subject: string, text: string): void {
    this.lines.push({ atMs: performance.now() - this.startedMs, subject, text });
    if (this.lines.length > KEPT_LINES) this.lines = this.lines.slice(KEPT_LINES / 2);
  }

  /** The server has opened a session, or one has ended there. */
  sessionAtServer(tag: string, what: 'opened' | 'ended', words: string): void {
    const at = this.atServer.get(tag) ?? { opened: 0, ended: 0 };
    at[what]++;
    this.atServer.set(tag, at);
    this.tell(tag, words);
    this.tell(NETWORK, `server: ${tag}: ${words}`);
  }

  /**
   * Every session is over at the server, too. One whose acknowledgement was cut off may be left, if its client has asked
   * again.
   */
  checkEnded(left: number): void {
    let open = 0;
    for (const [tag, { opened, ended }] of this.atServer) {
      this.check(ended > 0 && ended <= opened, tag, `${ended} of ${opened} sessions have ended at the server`);
      open += opened - ended;
    }
    this.check(open === left, 'server', `has ${left} sessions, expected ${open}`);
  }

  /** Counts how often something has reached the server; more than once is a fault. */
  once(subject: string, what: string): void {
    const key = `${subject} ${what}`;
    const times = (this.seen.get(key) ?? 0) + 1;
    this.seen.set(key, times);
    this.tell(subject, what);
    if (times > 1) this.found(new CutFault(subject, `${what}: ${times} times`));
  }

  timesOf(subject: string, what: string): number {
    return this.seen.get(`${subject} ${what}`) ?? 0;
  }

  /** @throws CutFault unless it holds */
  check(holds: boolean, subject: string, text: string): void {
    if (!holds) throw this.found(new CutFault(subject, text));
  }

  found(fault: CutFault): CutFault {
    this.tell(fault.subject, `FAULT ${fault.message}`);
    this.fault ??= fault;
    this.raise(this.fault);
    return fault;
  }

  /** The first fault; undefined while there is none. */
  get firstFault(): CutFault | undefined {
    return this.fault;
  }

  /** Everything that was told, for a file. */
  get wholeStory(): string {
    return this.lines.map(({ atMs, subject, text }) => `${atMs.toFixed(1)} ${subject}: ${text}`).join('\n');
  }

  /** What happened to an operation or session, and to the network meanwhile. */
  storyOf(subject: string): string {
    const own = this.lines.filter((line) => line.subject === subject);
    const fromMs = (own[0]?.atMs ?? 0) - 100;
    const story = this.lines.filter(
      (line) => line.subject === subject || (line.subject === NETWORK && line.atMs >= fromMs),
    );
    return story
      .slice(-SHOWN_LINES)
      .map(
        ({ atMs, subject: of, text }) =>
          `${atMs.toFixed(1).padStart(9)} ms  ${of.padEnd(8)}  ${text.slice(0, SHOWN_LETTERS)}`,
      )
      .join('\n');
  }
}
