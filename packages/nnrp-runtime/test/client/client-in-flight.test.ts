import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { Stage } from '../support/stage.js';

const stage = new Stage();
afterEach(() => stage.clear());

/** A server whose handlers wait, and which says how many run. */
async function waiting(maxInFlightOperations: number, grantedOperationCredit = 64) {
  const server = await stage.serve({ maxInFlightOperations, grantedOperationCredit });
  const ends: (() => void)[] = [];
  server.serve({ submit: () => new Promise<string>((resolve) => ends.push(() => resolve('done'))) });
  return { server, ends, client: await stage.connect(server) };
}

describe('the number of operations in flight', () => {
  it.each([1, 2, 3])('that the server allows is taken by a client without a wish: %i', async (allowed) => {
    const { client } = await waiting(allowed);
    const sessions = await Promise.all([client.openSession(), client.openSession({ auth: 'who I am' })]);
    expect(sessions.map(({ ack }) => ack.maxInFlightOperations)).toEqual([allowed, allowed]);
  });

  it('that the server allows is asked for from the start by the opens that follow', async () => {
    const { server, client } = await waiting(2);
    const refused: unknown[] = [];
    server.on('sessionRefused', (refusal) => refused.push(refusal));
    for (let count = 0; count < 3; count++) await client.openSession();
    expect(refused).toHaveLength(1);
  });

  it('is refused where the application asks for more than the server allows', async () => {
    const { client } = await waiting(2);
    await expect(client.openSession({ maxInFlightOperations: 4 })).rejects.toMatchObject({
      code: 'NNRP_ERR_SESSION_REFUSED',
      message: expect.stringContaining('asked for 4, the server allows 2'),
    });
  });

  it.each([1, 2])('that the application asks for is not exceeded, whatever the server allows: %i', async (wish) => {
    const { client, ends } = await waiting(16);
    const session = await client.openSession({ maxInFlightOperations: wish });
    const answers = ['a', 'b', 'c', 'd'].map((body) => session.request(body));
    for (let ended = 0; ended < answers.length; ended++) {
      await eventually(() => ends.length === Math.min(answers.length, ended + wish), 'the next one runs');
      expect(session.inFlightCount).toBe(Math.min(wish, answers.length - ended));
      ends[ended]?.();
      await answers[ended];
    }
  });

  it.each([0, undefined])('is what the server allows when the application asks for %s', async (wish) => {
    const { client, ends } = await waiting(8);
    const session = await client.openSession({ maxInFlightOperations: wish });
    const answers = Array.from({ length: 8 }, () => session.request('x'));
    await eventually(() => ends.length === 8, 'all of them run');
    for (const end of ends) end();
    await Promise.all(answers);
  });
});
