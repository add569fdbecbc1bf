import type * as preview3 from 'nnrp-core/preview3';
import { expect, it } from 'vitest';
import { retainedBytes } from './session-inbox.js';

it('the text of an error counts as what waits', () => {
  const error = {} as preview3.ErrorMessage;
  const without = retainedBytes({ type: 'peerError', error, diagnostic: '' });
  expect(retainedBytes({ type: 'peerError', error, diagnostic: 'é'.repeat(1000) }) - without).toBe(2000);
});
