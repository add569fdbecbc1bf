import type { FramedTransport } from '../transport/contract/contract.js';
import type { ComplianceEndpoint, ComplianceSetup } from './compliance-setup.js';
import { RecordingSink } from './recording-sink.js';
import { TestPacket } from './test-packet.js';
import { DEFAULT_TIMEOUT_MS, within } from './within.js';

/** Both ends of one connection, with what they have received. */
export interface ConnectedPair {
  readonly client: FramedTransport;
  readonly server: FramedTransport;
  readonly clientSink: RecordingSink;
  readonly serverSink: RecordingSink;
}

/** What a case works with: connections to one endpoint, all of them ended when the case is over. */
export class ComplianceStage {
  readonly timeoutMs: number;
  private readonly transports: FramedTransport[] = [];
  private clock: ConnectedPair | undefined;

  private constructor(
    readonly endpoint: ComplianceEndpoint,
    setup: ComplianceSetup,
  ) {
    this.timeoutMs = setup.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  }

  /** Runs `body` with a stage of its own, and clears it whatever happens. */
  static async use(setup: ComplianceSetup, body: (stage: ComplianceStage) => Promise<void>): Promise<void> {
    const stage = new ComplianceStage(await setup.listen(), setup);
    try {
      await body(stage);
    } finally {
      for (const transport of stage.transports) transport.abort();
      await stage.endpoint.close();
    }
  }

  /** A connection whose ends have not been started. Not for calls that overlap. */
  async connect(): Promise<ConnectedPair> {
    const accepted = this.endpoint.listener.accept();
    const client = await this.wait(this.endpoint.connect(), 'connect()');
    const server = await this.wait(accepted, 'accept()');
    this.transports.push(client, server);
    const clientSink = new RecordingSink(this.timeoutMs);
    const serverSink = new RecordingSink(this.timeoutMs);
    return { client, server, clientSink, serverSink };
  }

  /** A connection with both ends started. */
  async started(): Promise<ConnectedPair> {
    const pair = await this.connect();
    pair.client.start(pair.clientSink);
    pair.server.start(pair.serverSink);
    return pair;
  }

  /** For connections that a case makes itself. */
  adopt(transport: FramedTransport): void {
    this.transports.push(transport);
  }

  wait<T>(promise: Promise<T>, what: string): Promise<T> {
    return within(promise, this.timeoutMs, what);
  }

  /**
   * Lets whatever is under way happen: round trips on another connection of the same endpoint are a clock that runs as
   * fast as the transport does.
   */
  async settle(roundTrips = 30): Promise<void> {
    this.clock ??= await this.started();
    const { client, server, clientSink, serverSink } = this.clock;
    for (let trip = 0; trip < roundTrips; trip++) {
      const next = clientSink.packets.length + 1;
      client.send(new TestPacket(next, 0));
      await serverSink.untilPackets(next);
      server.send(new TestPacket(next, 0));
      await clientSink.untilPackets(next);
    }
  }
}
