import * as preview3 from 'nnrp-core/preview3';
import { afterEach, expect, it } from 'vitest';
import { Stage } from '../support/stage.js';

const stage = new Stage();
afterEach(() => stage.clear());

it('drops what is in flight before it closes a session with a drain that has no time', async () => {
  const { client, session, clientSession } = await stage.session();
  const strays: string[] = [];
  client.on('stray', ({ message }) => strays.push(message.name));
  const operation = await clientSession.submit('work');
  await session.receiveSubmit();
  const failure = operation.result().catch((error: unknown) => error);
  await session.close({ inFlightPolicy: preview3.InFlightPolicy.Drain, drainTimeoutMs: 0 });
  expect(await failure).toMatchObject({ code: 'NNRP_ERR_CLOSED' });
  await client.ping();
  expect(strays).toEqual([]);
});
