import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { NnrpClient } from 'nnrp-runtime';
import { afterEach, describe, expect, it } from 'vitest';
import { createOpenAiServer } from '../src/index.js';
import { all, eventually, GatewayStage, official } from './gateway-stage.js';
import { ASKED, post } from './raw-http.js';
import { beginEvents, json, replay, writePieces } from './stand-in/model-server.js';
import { CHAT, chunk, data, WHOLE } from './stand-in/recordings.js';

const stage = new GatewayStage();
afterEach(async () => {
  await stage.clear();
});

describe('the HTTP server', () => {
  it('says that there is no server, connects again once there is one, and opens as many sessions as it needs', async () => {
    const model = await stage.model(replay(CHAT));
    const { server } = await stage.nnrp(
      { baseUrl: model.baseUrl },
      { maxInFlightOperations: 1, grantedOperationCredit: 1 },
    );
    let address = '127.0.0.1:1';
    const { baseUrl, http } = await stage.http(() => NnrpClient.connectTcp(address, { reconnect: 'never' }), {
      maxSessions: 3,
    });
    const client = official(baseUrl);
    await expect(client.chat.completions.create(ASKED)).rejects.toMatchObject({
      status: 502,
      code: 'NNRP_ERR_TRANSPORT',
    });
    address = server.localAddress;
    const chats = Array.from({ length: 8 }, async () =>
      all(await client.chat.completions.create({ ...ASKED, stream: true })),
    );
    for (const chunks of await Promise.all(chats)) expect(chunks.length).toBe(9);
    expect(http.sessionCount).toBe(3);
    await server.close({ drainTimeoutMs: 0 });
    await expect(client.chat.completions.create(ASKED)).rejects.toMatchObject({
      status: expect.toSatisfy((status) => [502, 503].includes(status as number)),
    });
    const { server: next } = await stage.nnrp({ baseUrl: model.baseUrl });
    address = next.localAddress;
    await eventually(() => http.sessionCount === 0, 'the old sessions are gone');
    expect((await all(await client.chat.completions.create({ ...ASKED, stream: true }))).length).toBe(9);
  });

  it('tells probes that it is well, without a key, also when it has as many requests as it may', async () => {
    const { baseUrl } = await stage.gateway(() => {}, { keys: ['key'], maxRequests: 1 });
    const health = baseUrl.replace('/v1', '/health');
    const busy = fetch(`${baseUrl}/models`, { headers: { authorization: 'Bearer key' } }).catch(() => {});
    const refused = async () => (await fetch(`${baseUrl}/models`)).status;
    while ((await refused()) !== 503);
    const answer = await fetch(health);
    expect([answer.status, await answer.json()]).toEqual([200, { status: 'ok' }]);
    expect((await fetch(health, { method: 'HEAD' })).status).toBe(200);
    expect((await fetch(health, { method: 'POST' })).status).toBe(503);
    await stage.clear();
    await busy;
  });

  it('uses the sessions that there are when its server refuses one more', async () => {
    const model = await stage.model(replay(CHAT));
    const { server } = await stage.nnrp(
      { baseUrl: model.baseUrl },
      { maxInFlightOperations: 1, grantedOperationCredit: 1, maxSessionsPerConnection: 2 },
    );
    const { baseUrl, http } = await stage.http(() => NnrpClient.connectTcp(server.localAddress));
    const client = official(baseUrl);
    const chats = Array.from({ length: 8 }, async () =>
      all(await client.chat.completions.create({ ...ASKED, stream: true })),
    );
    for (const chunks of await Promise.all(chats)) expect(chunks.length).toBe(9);
    expect(http.sessionCount).toBe(2);
  });

  it('lets what is under way end when it is closed, and cuts what does not', async () => {
    let goOn = () => {};
    const { http, through, model } = await stage.gateway(async (response) => {
      beginEvents(response);
      await writePieces(response, [data(chunk({ content: 'a' }))]);
      goOn = () => response.end(data(chunk({}, 'stop')));
    });
    const stream = await through.chat.completions.create({ ...ASKED, stream: true });
    let closing: Promise<void> | undefined;
    let parts = 0;
    for await (const _ of stream) {
      parts++;
      closing ??= http.close();
      goOn();
    }
    await closing;
    expect([parts, model.aborted]).toEqual([2, 0]);
    const cut = await stage.gateway(
      (response) => beginEvents(response) ?? response.write(data(chunk({ content: 'x' }))),
    );
    const endless = await cut.through.chat.completions.create({ ...ASKED, stream: true });
    await expect(
      (async () => {
        for await (const _ of endless) await cut.http.close({ drainTimeoutMs: 0 });
      })(),
    ).rejects.toThrow();
    await eventually(() => cut.model.aborted === 1, 'the request was ended');
  });

  it('is closed with its last answer, although the client keeps the connection', async () => {
    let goOn = () => {};
    const wanted = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const { http, baseUrl } = await stage.gateway(async (response) => {
      beginEvents(response);
      await writePieces(response, [data(chunk({ content: 'a' }))]);
      await wanted;
      response.end(data(chunk({}, 'stop')));
    });
    const agent = new Agent({ keepAlive: true });
    const headers = { 'content-type': 'application/json' };
    const asked = request(`${baseUrl}/chat/completions`, { method: 'POST', agent, headers });
    asked.end(JSON.stringify({ ...ASKED, stream: true }));
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    expect(answer.statusCode).toBe(200);
    await once(answer, 'data');
    const closing = http.close({ drainTimeoutMs: 60_000 });
    goOn();
    answer.resume();
    await once(answer, 'end');
    // Node ends what is kept after five seconds.
    await closing;
    agent.destroy();
  }, 4000);

  it.each<[unknown, object | undefined, RegExp]>([
    [undefined, undefined, /connect takes a function/],
    [() => {}, { keys: [] }, /keys takes a list of at least one text/],
    [
      () => {},
      { keys: ['secret', 5] },
      /keys takes a list of at least one text of printable ASCII without spaces, got a list of something else/,
    ],
    [() => {}, { keys: ['secret'], authorize: () => true }, /give one of them/],
    [() => {}, { authorize: 5 }, /authorize takes a function/],
    [() => {}, { maxRequests: 0 }, /maxRequests takes an integer of 1/],
    [() => {}, { key: 'secret' }, /there is no option 'key'/],
    [() => {}, { session: 5 }, /session: .*options/],
    [
      () => {},
      { session: { profile: 1 } },
      /session: session options: there is no option 'profile'; did you mean prof/,
    ],
    [() => {}, { session: { profileId: -1 } }, /session: session options: profileId takes/],
    [() => {}, { session: { auth: { secret: 'secret' } } }, /session: auth/],
    [() => {}, { session: { extensions: [{ type: 1 }] } }, /session: .*type/],
    [() => {}, { session: { signal: 'secret' } }, /session: .*signal/],
  ])('refuses wrong options, and shows no secret (%#)', (connecting, options, message) => {
    const build = () => createOpenAiServer(connecting as never, options as never);
    expect(build).toThrow(message);
    expect(build).not.toThrow(/secret/);
  });

  it('lets in by other keys, once it has them', async () => {
    const { baseUrl, http } = await stage.gateway(json(200, WHOLE), { keys: ['first'] });
    expect(() => http.renewKeys([])).toThrow(/keys takes a list of at least one text/);
    http.renewKeys(['second']);
    const statuses = ['first', 'second'].map(async (key) => {
      const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` };
      return (await post(baseUrl, JSON.stringify(ASKED), headers)).status;
    });
    expect(await Promise.all(statuses)).toEqual([401, 200]);
    const { http: open } = await stage.gateway(replay(CHAT));
    expect(() => open.renewKeys(['first'])).toThrow(/renewKeys is for a server that was made with keys/);
  });

  it('listens once, and no more once it is closed', async () => {
    const make = () => createOpenAiServer(async () => Promise.reject(new Error('no')));
    const http = make();
    const both = [http.listen('127.0.0.1:0'), http.listen('127.0.0.1:0')];
    await expect(both[1]).rejects.toThrow('listens already');
    expect(await both[0]).toMatch(/^http/);
    const failing = make();
    await expect(failing.listen(new URL((await both[0])!).host)).rejects.toThrow(/EADDRINUSE/);
    expect(await failing.listen('127.0.0.1:0')).toMatch(/^http/);
    await Promise.all([http.close(), failing.close()]);
    const closed = make();
    const listening = closed.listen('127.0.0.1:0');
    const closing = closed.close();
    await expect(listening).rejects.toThrow('closed before it listened');
    await closing;
  });

  it('refuses an address that is none, or taken', async () => {
    const { http, baseUrl } = await stage.http(async () => Promise.reject(new Error('no')));
    await expect(
      createOpenAiServer(async () => Promise.reject(new Error('no'))).listen('nowhere'),
    ).rejects.toMatchObject({ code: 'NNRP_ERR_USAGE' });
    await expect(
      createOpenAiServer(async () => Promise.reject(new Error('no'))).listen(new URL(baseUrl).host),
    ).rejects.toThrow(/EADDRINUSE/);
    expect(http.requestCount).toBe(0);
    const failed = await post(baseUrl, JSON.stringify(ASKED));
    expect([failed.status, failed.body.error['message']]).toEqual([500, 'the gateway failed']);
  });
});
