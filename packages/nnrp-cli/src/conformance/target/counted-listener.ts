import type { AcceptFailure, FramedListener, FramedTransport, ListenerBoundName } from 'nnrp-runtime/transport';

/** A listener that tells of each connection that it has taken, before the server sees it. */
export class CountedListener implements FramedListener {
  readonly kind: FramedListener['kind'];
  readonly address: string;

  constructor(
    private readonly inner: FramedListener,
    private readonly accepted: (remoteAddress: string) => void,
  ) {
    this.kind = inner.kind;
    this.address = inner.address;
  }

  async accept(): Promise<FramedTransport> {
    const transport = await this.inner.accept();
    this.accepted(transport.remoteAddress);
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
