import { describe, expect, it } from 'vitest';
import { preview4Stage } from './preview4-stage.js';
import { metadata, T } from './raw-server.js';

const stage = preview4Stage();

const SESSION_SCOPE = 1;
const CONNECTION_SCOPE = 0;
/** A backpressure_level that preview3 does not have. */
const PAUSED = 3;
const REDUCE = 1;
const RESUME = 3;

function flow(scope: number, level: number, reason: number, epoch: number): Buffer {
  return metadata(32, [0, 8, scope], [1, 8, reason], [2, 8, level], [24, 32, epoch]);
}

describe('a value that only preview4 has', () => {
  it.each([
    ['the session', SESSION_SCOPE],
    ['the connection', CONNECTION_SCOPE],
  ])('is a pause in FLOW_UPDATE of %s: submits wait until that is resumed', async (_, scope) => {
    const { client, link } = await stage.serve();
    const session = await client.openSession();
    const target = scope === CONNECTION_SCOPE ? 0 : session.sessionId;
    link.send(T.FLOW, target, 0, flow(scope, PAUSED, REDUCE, 1));
    await client.probe();
    const submitted = session.submit('later');
    let isSent = false;
    submitted.then(
      () => {
        isSent = true;
      },
      () => {},
    );
    await client.probe();
    expect(isSent).toBe(false);
    link.send(T.FLOW, target, 0, flow(scope, 0, RESUME, 2));
    const operation = await submitted;
    link.result(await link.next(T.SUBMIT), 'done');
    expect((await operation.result()).text()).toBe('done');
    expect(link.death).toBeUndefined();
  });
});
