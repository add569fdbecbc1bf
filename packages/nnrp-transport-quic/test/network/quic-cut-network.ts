import type { CutNetwork } from '../../../nnrp-runtime/test/recovery/cut-network.js';
import type { Dice } from '../../../nnrp-runtime/test/recovery/dice.js';
import { type Direction, UdpProxy } from '../support/udp-proxy.js';

/** dark: nothing arrives; lost to-server, lost to-client: nothing does in this direction; rebound: another address. */
const KINDS = ['dark', 'lost to-server', 'lost to-client', 'rebound'] as const;
type Kind = (typeof KINDS)[number];

/** One cut in so many comes soon after the one before. */
const EARLY_PERCENT = 25;

/** A UDP proxy that loses everything, or all of one direction, for a time that ends connections as a rule. */
export class QuicCutNetwork implements CutNetwork {
  readonly cuts = new Map<string, number>();
  private left = 0;
  private timer: NodeJS.Timeout | undefined;
  private lost: Direction | undefined;
  private isClosed = false;
  private tell: (text: string) => void = () => {};

  private constructor(
    private readonly proxy: UdpProxy,
    private readonly dice: Dice,
  ) {
    proxy.filter = (_, direction) => direction !== this.lost;
  }

  /** @param server - HOST:PORT */
  static async before(server: string, dice: Dice): Promise<QuicCutNetwork> {
    return new QuicCutNetwork(await UdpProxy.before(server), dice);
  }

  get address(): string {
    return this.proxy.address;
  }

  get cutCount(): number {
    return [...this.cuts.values()].reduce((sum, count) => sum + count, 0);
  }

  get openSockets(): number {
    return this.isClosed ? 0 : 1;
  }

  storm(cuts: number, tell: (text: string) => void): void {
    this.left = cuts;
    this.tell = tell;
    this.calm();
  }

  async close(): Promise<void> {
    clearTimeout(this.timer);
    this.isClosed = true;
    this.proxy.close();
  }

  private calm(): void {
    this.proxy.dark = false;
    this.lost = undefined;
    if (this.left === 0) return;
    const { dice } = this;
    const afterMs = dice.percent(EARLY_PERCENT) ? dice.below(15) : 150 + dice.below(600);
    this.timer = setTimeout(() => this.strike(), afterMs);
  }

  private strike(): void {
    const { dice, proxy } = this;
    const kind = KINDS[dice.below(KINDS.length)] as Kind;
    const forMs = 200 + dice.below(500);
    this.left--;
    this.cuts.set(kind, (this.cuts.get(kind) ?? 0) + 1);
    this.tell(`${kind} for ${forMs} ms`);
    if (kind === 'rebound') proxy.rebind();
    else if (kind === 'dark') proxy.dark = true;
    else this.lost = kind === 'lost to-server' ? 'to-server' : 'to-client';
    this.timer = setTimeout(() => this.calm(), kind === 'rebound' ? 0 : forMs);
  }
}
