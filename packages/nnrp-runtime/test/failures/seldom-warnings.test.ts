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

it('a listener that fails is said to be the application’s, and which event it was for', async () => {
  const warned: string[] = [];
  vi.spyOn(process, 'emitWarning').mockImplementation((text) => void warned.push(String(text)));
  const fails = () => {
    throw new Error('of a listener');
  };
  const told: unknown[] = [];
  const server = await stage.serve();
  const other = await stage.serve();
  other.on('internalError', ({ listener }) => told.push(listener));
  for (const each of [server, other]) {
    each.on('protocolViolation', fails);
    (await stage.peer(each)).send(new Uint8Array(60).fill(65));
    const client = await stage.connect(each);
    if (each === other) client.on('internalError', ({ listener }) => told.push(listener));
    client.on('closed', fails);
    await client.close();
  }
  await eventually(() => warned.length + told.length >= 4, 'each failure has been told');
  expect([...warned].sort()).toEqual([
    expect.stringMatching(/^a listener of the event 'closed' has failed: client of \S+$/),
    "a listener of the event 'protocolViolation' of the server has failed; the event internalError tells of each",
  ]);
  expect(told.sort()).toEqual(['closed', 'protocolViolation']);
});
