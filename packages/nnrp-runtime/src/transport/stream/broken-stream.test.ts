import { TransportError } from 'nnrp-core';
import { expect, it } from 'vitest';
import { brokenStream, NO_FAILURES } from './broken-stream.js';

const WHERE = '127.0.0.1:7';

it.each<[error: unknown, says: string]>([
  [new TransportError(`${WHERE}: a reserved bit is set`), `${WHERE}: a reserved bit is set`],
  [new TransportError('a reserved bit is set'), `${WHERE}: a reserved bit is set`],
  [new Error('write EPIPE'), `${WHERE}: the connection broke: write EPIPE`],
])('where a stream has broken is said once: %s', (error, says) => {
  expect(brokenStream(WHERE, error, NO_FAILURES)).toMatchObject({ rawMessage: says, cause: error });
});
