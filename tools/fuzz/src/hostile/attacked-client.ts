import { NnrpClient } from 'nnrp-runtime';
import { QuicProvider } from 'nnrp-transport-quic';
import { APP_CALLS } from '../conversation.js';
import { Dice } from '../samples/dice.js';
import { callApplication, type Held } from '../targets/client-application.js';
import { pause } from '../targets/pledges.js';
import { type Addresses, carrierOf, type SocketCarrier } from './addresses.js';
import { CLIENT_LIMITS, CONNECTIONS } from './limits.js';
import type { Monitor } from './vitals.js';

const CLIENTS = CONNECTIONS / 2;
/** An application that has given up closes within this time. */
const CLOSE_MS = 10_000;

/** Our client, many times, whose application does anything while its server does. */
export class AttackedClients {
  isOver = false;

  constructor(
    private readonly to: Addresses,
    private readonly seed: number,
    private readonly monitor: Monitor,
  ) {}

  async run(): Promise<void> {
    await Promise.all(Array.from({ length: CLIENTS }, (_, number) => this.live(number)));
  }

  private async live(number: number): Promise<void> {
    const dice = new Dice(this.seed * 7901 + number);
    while (!this.isOver) {
      const client = await this.connect(carrierOf(number)).catch(() => undefined);
      if (client === undefined) await pause(20);
      else await this.use(client, dice);
    }
  }

  private async use(client: NnrpClient, dice: Dice): Promise<void> {
    let isClosed = false;
    client.on('closed', () => {
      isClosed = true;
    });
    client.on('internalError', ({ error }) => this.monitor.watch.add('internalError', error));
    const held: Held = {};
    for (let calls = 5 + dice.below(100); calls > 0 && !isClosed; calls--) {
      try {
        const call = held.session === undefined ? 'open' : dice.of(APP_CALLS.filter((name) => name !== 'close'));
        for (const [, promise] of callApplication(call, client, held, dice)) promise.then(undefined, () => {});
      } catch (error) {
        if (!(error instanceof Error && 'code' in error)) this.monitor.watch.add('application call', error);
      }
      await pause(5);
    }
    this.monitor.note('clients');
    const late = setTimeout(() => this.monitor.watch.add('client.close', `took more than ${CLOSE_MS} ms`), CLOSE_MS);
    await client.close({ drainTimeoutMs: 50 }).catch(() => {});
    clearTimeout(late);
  }

  private connect(carrier: SocketCarrier): Promise<NnrpClient> {
    const roots = Buffer.from(this.to.root, 'base64');
    if (carrier === 'tcp') return NnrpClient.connectTcp(this.to.tcp, CLIENT_LIMITS);
    if (carrier === 'tls') return NnrpClient.connectTls(this.to.tls, { roots }, CLIENT_LIMITS);
    return QuicProvider.connect(this.to.quic, { roots }, CLIENT_LIMITS);
  }
}
