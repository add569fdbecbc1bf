import type { FramedTransport } from '../transport/contract.js';
import type { AnswerReader } from './pending-requests.js';

/** Results that wait unread are bounded: above the limit nothing more is read, unless an answer is awaited. */
export class UnreadResults implements AnswerReader {
  private unreadBytes = 0;
  private held = false;
  /** Requests without an answer. */
  private awaited = 0;

  constructor(
    private readonly transport: FramedTransport,
    private readonly maxBytes: number,
  ) {}

  /** Whether reading has stopped. */
  get isHolding(): boolean {
    return this.held;
  }

  add(bytes: number): void {
    this.unreadBytes += bytes;
    if (this.held || this.awaited > 0 || this.unreadBytes < this.maxBytes) return;
    this.held = true;
    this.transport.pause();
  }

  remove(bytes: number): void {
    this.unreadBytes -= bytes;
    if (this.unreadBytes * 2 <= this.maxBytes) this.readOn();
  }

  answerAwaited(): void {
    this.awaited++;
    this.readOn();
  }

  answerCame(): void {
    this.awaited--;
  }

  private readOn(): void {
    if (!this.held) return;
    this.held = false;
    this.transport.resume();
  }
}
