import { NnrpClient } from 'nnrp-runtime';
import { expect, it } from 'vitest';
import { serving } from '../cli-process.js';

it('nnrp serve closes gracefully at SIGHUP, where nothing is to be read again, and is not ended by another one', async () => {
  const { server, address } = await serving('--handler', 'tokens');
  const client = await NnrpClient.connectTcp(address, { maxBufferedResultBytes: 1 });
  const session = await client.openSession({ defaultDeadlineMs: 0 });
  const results = (await session.submit('word '.repeat(20_000)))[Symbol.asyncIterator]();
  await results.next();
  server.child.kill('SIGHUP');
  await server.printed(/^closing 1 sessions/m, 'stderr');
  server.child.kill('SIGHUP');
  let count = 1;
  while (!(await results.next()).done) count++;
  expect(count).toBeGreaterThan(20_000);
  expect((await server.ended).code).toBe(0);
  await client.close();
});
