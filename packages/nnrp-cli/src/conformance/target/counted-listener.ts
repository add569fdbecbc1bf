import type { AcceptFailure, FramedListener, FramedTransport, ListenerBoundName } from 'nnrp-runtime/transport';

/** A listener that tells how many connections it has taken, before the server sees the last of them. */
export class CountedListener implements FramedListener {
  readonly kind: FramedListener['kind'];
  readonly address: string;
  private count = 0;

  constructor(
    private readonly inner: FramedListener,
    private readonly accepted: (count: number) => void,
  ) {
    this.kind = inner.kind;
    this.address = inner.address;
  }

  async accept(): Promise<FramedTransport> {
    const transport = await this.inner.accept();
    this.accepted(++this.count);
    return transport;
  }

  close(): Promise<void> {
    return this.inner.close();
  }

  set onAcceptFailed(told: ((failure: AcceptFailure) => void) | undefined) {
    this.inner.onAcceptFailed = told;
  }

  set onBoundHit(told: ((name: ListenerBoundName) => void) | undefined) {
    this.inner.onBoundHit = told;
  }
}
