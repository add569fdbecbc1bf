import type { FramedConnector, FramedTransport, TransportKind } from '../../transport/contract/contract.js';

/** The way that a client connects by at the moment. */
export class CurrentConnector implements FramedConnector {
  constructor(public current: FramedConnector) {}

  get kind(): TransportKind {
    return this.current.kind;
  }

  connect(signal?: AbortSignal): Promise<FramedTransport> {
    return this.current.connect(signal);
  }

  ledNowhere(): unknown {
    return this.current.ledNowhere?.();
  }
}
