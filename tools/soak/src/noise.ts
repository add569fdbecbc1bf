import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Dice } from './dice.js';

/** Throws datagrams at a server that are nearly QUIC, or not at all: the server has to stand it. */
export class Noise {
  visits = 0;
  private stopped = false;

  constructor(
    private readonly port: number,
    private readonly dice: Dice,
  ) {}

  async run(): Promise<void> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    while (!this.stopped) {
      for (let count = this.dice.below(40); count > 0; count--) this.throwOne(socket);
      this.visits++;
      await sleep(this.dice.below(200));
    }
    socket.close();
  }

  stop(): void {
    this.stopped = true;
  }

  private throwOne(socket: Socket): void {
    const { dice } = this;
    const bytes = Uint8Array.from({ length: dice.chance(0.5) ? 1200 : 24 + dice.below(1300) }, () => dice.below(256));
    if (dice.chance(0.7)) {
      // The header of an Initial packet of version 1, with ids of a usual length and no token.
      bytes.set([0xc0 | dice.below(16), 0, 0, 0, dice.chance(0.9) ? 1 : dice.below(256), 8]);
      bytes.set([8, ...bytes.subarray(15, 23), 0], 14);
    }
    socket.send(bytes, this.port, '127.0.0.1');
  }
}
