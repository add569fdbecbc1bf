import { afterEach, expect, it, vi } from 'vitest';
import { eventually } from '../support/eventually.js';
import { Stage } from '../support/stage.js';

const stage = new Stage();
afterEach(async () => {
  vi.restoreAllMocks();
  await stage.clear();
});

it('a listener that fails at every turn of strangers is warned of once a minute', async () => {
  const warned: string[] = [];
  vi.spyOn(process, 'emitWarning').mockImplementation((text) => void warned.push(String(text)));
  const server = await stage.serve();
  let told = 0;
  const fails = () => {
    told++;
    throw new Error('of a listener');
  };
  server.on('protocolViolation', fails);
  server.on('internalError', fails);
  for (let stranger = 0; stranger < 5; stranger++) {
    (await stage.peer(server)).send(new Uint8Array(60).fill(65));
  }
  await eventually(() => told >= 10, 'every stranger has been told of, and every failure');
  expect(warned).toEqual(["a listener of the event 'internalError' has failed"]);
});

it('a process whose warnings fail loses no connection by them', async () => {
  const warned: string[] = [];
  vi.spyOn(process, 'emitWarning').mockImplementation((text) => {
    warned.push(String(text));
    throw new Error('warnings are failures here');
  });
  const server = await stage.serve();
  const client = await stage.connect(server);
  const serving = server.serve({
    submit() {
      throw new Error('of a handler');
    },
  });
  const session = await client.openSession();
  for (let frame = 0; frame < 3; frame++)
    await expect((await session.submit('x')).result()).rejects.toMatchObject({ code: 'NNRP_ERR_HANDLER_FAILED' });
  expect(warned).toHaveLength(1);
  await client.close();
  await server.close();
  await serving;
});
