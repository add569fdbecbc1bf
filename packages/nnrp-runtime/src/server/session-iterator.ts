import { isNnrpError } from 'nnrp-core';
import { unheard } from '../settled.js';
import type { NnrpServerSession } from './server-session.js';

const OVER: IteratorResult<NnrpServerSession, void> = { done: true, value: undefined };

/** Hands out sessions; a promise of it that rejects harms nobody who has dropped it. */
interface Accepting {
  accept(): Promise<NnrpServerSession>;
}

/** The sessions of a server one after the other, until it is closed. */
export class SessionIterator implements AsyncIterableIterator<NnrpServerSession, void, void> {
  private left = false;

  constructor(private readonly server: Accepting) {}

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<NnrpServerSession, void>> {
    if (this.left) return Promise.resolve(OVER);
    return unheard(
      this.server.accept().then(
        (value) => ({ done: false, value }),
        (error: unknown) => {
          this.left = true;
          if (isNnrpError(error, 'NNRP_ERR_CLOSED')) return OVER;
          throw error;
        },
      ),
    );
  }

  return(): Promise<IteratorResult<NnrpServerSession, void>> {
    this.left = true;
    return Promise.resolve(OVER);
  }
}
