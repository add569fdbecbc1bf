import { afterAll, beforeAll, describe } from 'vitest';
import { DenoPeer, denoProgram } from './deno-peer.js';

const found = denoProgram();

/**
 * Tests against QUIC by Deno, which all share one process of it. Skipped where Deno is not to be had; CI must have it.
 *
 * @param body - is given a way to the process, which is there while tests run
 */
export function describeWithDeno(name: string, body: (deno: () => DenoPeer) => void): void {
  if ('missing' in found && !process.env['CI']) {
    describe.skip(`${name} (skipped: ${found.missing})`, () => body(notThere));
    return;
  }
  describe(name, () => {
    let peer: DenoPeer | undefined;
    beforeAll(() => {
      if ('missing' in found) throw new Error(found.missing);
      peer = new DenoPeer(found.program);
    });
    afterAll(() => peer?.end());
    body(() => peer ?? notThere());
  });
}

function notThere(): never {
  throw new Error('Deno does not run');
}
