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
