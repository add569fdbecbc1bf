import { setTimeout as passing } from 'node:timers/promises';
import { isNnrpError } from 'nnrp-core';
import type { NnrpClient } from '../../src/client/client.js';
import type { FramedConnector } from '../../src/transport/contract/contract.js';
import { CutFault, type CutLedger, NETWORK } from './cut-ledger.js';
import type { Dice } from './dice.js';

/** What a move may fail with while the network is cut: each time everything is where it was, or is resumed. */
const EXPECTED = ['NNRP_ERR_TRANSPORT', 'NNRP_ERR_TIMEOUT', 'NNRP_ERR_CLOSED', 'NNRP_ERR_USAGE'] as const;

/** Moves the sessions of a client from one connection to another, again and again, through the same network. */
export class CutMover {
  moves = 0;
  failures = 0;

  constructor(
    private readonly client: NnrpClient,
    private readonly connector: () => FramedConnector,
    private readonly ledger: CutLedger,
    private readonly dice: Dice,
  ) {}

  async run(isOver: () => boolean): Promise<void> {
    // A network that cuts all the time leaves little time for it: so it moves as soon as the client is back.
    let isAway = false;
    this.client.on('suspended', () => {
      isAway = true;
    });
    this.client.on('resumed', () => {
      isAway = false;
    });
    while (!isOver()) {
      await passing(this.dice.below(60));
      if (!isAway) await this.move();
    }
  }

  private async move(): Promise<void> {
    const { ledger, client } = this;
    const connector = this.connector();
    // Half of them say that they are of another kind: then the server is asked first.
    const kind = this.dice.percent(50) ? connector.kind : connector.kind === 'quic' ? 'tcp' : 'quic';
    ledger.tell(NETWORK, `client: moves to ${kind}`);
    try {
      const report = await client.migrate({ kind, connect: (signal) => connector.connect(signal) });
      ledger.tell(NETWORK, `client: has moved ${JSON.stringify(report)}`);
      this.moves++;
    } catch (error) {
      ledger.tell(NETWORK, `client: has not moved: ${String(error)}`);
      if (!EXPECTED.some((code) => isNnrpError(error, code)))
        throw ledger.found(new CutFault(NETWORK, `migrate fails: ${String(error)}`));
      this.failures++;
    }
  }
}
