/** What is not read while it is held. */
export interface Readable {
  pause(): void;
  resume(): void;
}

/** Whether a connection is read: as long as there is no hold on it. */
export class ReadingHold {
  /** How often reading has stopped: a wait in which it did says nothing about the peer. */
  stops = 0;
  private holds = 0;

  constructor(private readonly stream: Readable) {}

  get isPaused(): boolean {
    return this.holds > 0;
  }

  /** Stops reading until `release` has been called as often. */
  hold(): void {
    if (this.holds++ > 0) return;
    this.stops++;
    this.stream.pause();
  }

  release(): void {
    if (--this.holds === 0) this.readOn();
  }

  protected readOn(): void {
    this.stream.resume();
  }
}
