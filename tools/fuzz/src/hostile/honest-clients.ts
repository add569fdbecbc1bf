import { NnrpClient, type NnrpClientSession } from 'nnrp-runtime';
import { QuicProvider } from 'nnrp-transport-quic';
import { Dice } from '../samples/dice.js';
import { WORK, workBody } from '../samples/work.js';
import { pause } from '../targets/pledges.js';
import type { Addresses } from './addresses.js';

const PAUSE_MS = 5;
/** So long a submit may go without an answer, refusals and all. */
const PATIENCE_MS = 10_000;

/** What the sessions beside the attack have got. */
export interface Honest {
  answers: number;
  refusals: number;
  worstMs: number;
  readonly faults: string[];
}

/** A session over each kind of socket that must live through everything, and get its answers. */
export class HonestClients {
  readonly got: Honest = { answers: 0, refusals: 0, worstMs: 0, faults: [] };
  private isOver = false;
  private clients: readonly NnrpClient[] = [];
  private lives: readonly Promise<void>[] = [];

  async begin({ tcp, tls, quic, root }: Addresses): Promise<void> {
    const roots = Buffer.from(root, 'base64');
    this.clients = await Promise.all([
      NnrpClient.connectTcp(tcp),
      NnrpClient.connectTls(tls, { roots }),
      QuicProvider.connect(quic, { roots }),
    ]);
    const sessions = await Promise.all(this.clients.map((client) => client.openSession()));
    this.lives = sessions.map((session, index) => this.live(session, ['tcp', 'tls', 'quic'][index] ?? ''));
  }

  async end(): Promise<Honest> {
    this.isOver = true;
    await Promise.all(this.lives);
    await Promise.all(this.clients.map((client) => client.close()));
    return this.got;
  }

  private async live(session: NnrpClientSession, carrier: string): Promise<void> {
    const dice = new Dice(1);
    while (!this.isOver) {
      const sinceMs = performance.now();
      while (!(await this.answered(session))) {
        const waitedMs = performance.now() - sinceMs;
        if (session.endReason !== undefined) {
          this.got.faults.push(`the honest session over ${carrier} ended: ${session.endReason}`);
          return;
        }
        if (waitedMs > PATIENCE_MS) {
          this.got.faults.push(`the honest session over ${carrier} had no answer for ${waitedMs.toFixed(0)} ms`);
          return;
        }
        await pause(PAUSE_MS);
      }
      this.got.answers++;
      this.got.worstMs = Math.max(this.got.worstMs, performance.now() - sinceMs);
      await pause(PAUSE_MS + dice.below(PAUSE_MS));
    }
  }

  private async answered(session: NnrpClientSession): Promise<boolean> {
    try {
      const operation = await session.submit(workBody(WORK.echo, new Dice(1)));
      const late = new Promise<never>((_, reject) => {
        setTimeout(() => reject(new Error('late')), PATIENCE_MS).unref();
      });
      await Promise.race([operation.result(), late]);
      return true;
    } catch {
      this.got.refusals++;
      return false;
    }
  }
}
