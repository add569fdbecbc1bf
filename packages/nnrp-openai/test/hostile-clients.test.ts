import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { NnrpClient } from 'nnrp-runtime';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createOpenAiServer } from '../src/index.js';
import { CallSessions } from '../src/sessions/call-sessions.js';
import { eventually, GatewayStage } from './gateway-stage.js';
import { ASKED, endSockets, post, raw } from './raw-http.js';
import { type Answer, beginEvents, json, writePieces } from './stand-in/model-server.js';
import { chunk, data } from './stand-in/recordings.js';

const stage = new GatewayStage();
afterEach(async () => {
  endSockets();
  vi.restoreAllMocks();
  await stage.clear();
});

const STREAMED = JSON.stringify({ ...ASKED, stream: true });
const MOST_MS = 30_000;

function http(body: string, more = ''): string {
  const head = `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${more}`;
  return `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n${head}\r\n${body}`;
}

/** A stream without an end. */
const endless: Answer = async (response) => {
  beginEvents(response);
  await writePieces(response, [data(chunk({ content: 'x' }))]);
};

describe('a client of HTTP that sends requests one behind the other', () => {
  it('and goes, has none of them go on', async () => {
    const { model, http: gateway, baseUrl } = await stage.gateway(endless);
    const { socket } = raw(baseUrl, http(STREAMED).repeat(20));
    await eventually(() => model.asked.length === 20, 'the model has all of them');
    socket.destroy();
    await eventually(() => gateway.requestCount === 0, 'no request is held');
    await eventually(() => model.aborted === 20, 'the model server is told');
  });

  it('without a key, and reads no answer, leaves nothing behind', async () => {
    const { http: gateway, baseUrl } = await stage.gateway(endless, { keys: ['key'] });
    const { socket } = raw(baseUrl, http(STREAMED).repeat(50));
    await once(socket, 'close');
    await eventually(() => gateway.requestCount === 0, 'no request is held');
  });

  it('gets their answers in order, however long the first one takes', async () => {
    let goOn = () => {};
    const { model, baseUrl } = await stage.gateway(
      async (response, asked) => {
        if (model.asked.length === 1) {
          await new Promise<void>((resolve) => {
            goOn = resolve;
          });
        }
        json(200, { object: 'chat.completion', choices: [], at: asked.body['at'] })(response, asked);
      },
      { stallTimeoutMs: 20 },
    );
    const asked = (at: number, more = '') => http(JSON.stringify({ ...ASKED, at }), more);
    const { said } = raw(baseUrl, asked(1) + asked(2, 'connection: close\r\n'));
    await eventually(() => model.asked.length === 2, 'both are asked');
    // Many times what the answer to the second one may wait for a client that reads nothing.
    await sleep(200);
    goOn();
    expect([...(await said).matchAll(/"at":(\d)/g)].map(([, at]) => at)).toEqual(['1', '2']);
  });
});

describe('a client of HTTP that reads slowly', () => {
  it(
    'gets a large answer whole, in many times what it may take nothing for',
    async () => {
      const text = 'x'.repeat(24 * 1024 * 1024);
      const answer = { object: 'list', data: [], text };
      const { baseUrl } = await stage.gateway(json(200, answer), { stallTimeoutMs: 1000 });
      const { port } = new URL(baseUrl);
      const socket = connect(Number(port), '127.0.0.1');
      const body = JSON.stringify({ model: 'm', input: 'x' });
      socket.write(
        `POST /v1/embeddings HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      );
      let bytes = 0;
      for await (const part of socket) {
        bytes += (part as Buffer).length;
        await sleep(10);
      }
      expect(bytes).toBeGreaterThan(text.length);
    },
    MOST_MS,
  );
});

describe('bodies of requests', () => {
  it('hold together no more than they may, and one without room can be sent again', async () => {
    let goOn = () => {};
    const { model, baseUrl } = await stage.gateway(
      async (response, asked) => {
        await new Promise<void>((resolve) => {
          goOn = resolve;
        });
        json(200, { object: 'chat.completion', choices: [] })(response, asked);
      },
      { maxBufferedBodyBytes: 1500 },
    );
    const body = JSON.stringify({ ...ASKED, pad: 'x'.repeat(800) });
    const first = post(baseUrl, body);
    await eventually(() => model.asked.length === 1, 'the first one is with the model');
    const refused = await post(baseUrl, body);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
    goOn();
    expect((await first).status).toBe(200);
    const again = post(baseUrl, body);
    await eventually(() => model.asked.length === 2, 'there is room again');
    goOn();
    expect((await again).status).toBe(200);
  });

  it.each([
    [300_000, 503],
    [400_000, 200],
  ])(
    'count their objects besides their text: with room for %i bytes the answer has status %i',
    async (most, status) => {
      const { baseUrl } = await stage.gateway(json(200, { object: 'chat.completion', choices: [] }), {
        maxBufferedBodyBytes: most,
      });
      const body = JSON.stringify({ ...ASKED, objects: Array(5000).fill({}) });
      expect((await post(baseUrl, body)).status).toBe(status);
    },
  );
});

describe('connections', () => {
  it('of which there are too many are closed, and a warning says so', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const { baseUrl } = await stage.gateway(endless, { maxConnections: 1 });
    const first = raw(baseUrl, http(STREAMED));
    await once(first.socket, 'data');
    expect(warned).not.toHaveBeenCalled();
    const { port, hostname } = new URL(baseUrl);
    const second = connect(Number(port), hostname).on('error', () => {});
    await eventually(() => second.destroyed || second.resume().readableEnded, 'it is closed');
    expect(JSON.stringify(warned.mock.calls)).toContain('maxConnections: all 1 are open');
  });
});

describe('an application that', () => {
  it('forgets to return its client is told by a warning, and the process goes on', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const { baseUrl } = await stage.http((() => undefined) as never);
    expect((await post(baseUrl, STREAMED)).status).toBe(500);
    expect(JSON.stringify(warned.mock.calls)).toContain(
      'connect returns a promise of an NnrpClient, got one of undefined',
    );
  });

  it.each(['connect', 'authorize'])('never settles its %s keeps no request whose client has gone', async (what) => {
    let calls = 0;
    const never = () => {
      calls++;
      return new Promise<never>(() => {});
    };
    const { http: gateway, baseUrl } = await (what === 'connect'
      ? stage.http(never)
      : stage.http(() => Promise.reject(new Error('not asked')), { authorize: never }));
    const { socket } = raw(baseUrl, http(STREAMED));
    await eventually(() => calls === 1, 'it was called');
    socket.destroy();
    await eventually(() => gateway.requestCount === 0, 'no request is held');
    await gateway.close();
  });

  it('is given sessions that end at once gets an error, and does not open others for ever', async () => {
    const client = {
      closed: new Promise(() => {}),
      openSession: async () => {
        await new Promise((resolve) => setImmediate(resolve));
        return { endReason: new Error('over') };
      },
    };
    const sessions = new CallSessions(async () => client as never, 2, {});
    await expect(sessions.take()).rejects.toThrow('sessions end as soon as they are open');
  });

  it('connects for longer than a call may take has the call end in time', async () => {
    const { baseUrl } = await stage.http(() => new Promise<NnrpClient>(() => {}), { deadlineMs: 20 });
    expect(await post(baseUrl, JSON.stringify(ASKED))).toMatchObject({
      status: 504,
      body: { error: { code: 'NNRP_ERR_DEADLINE' } },
    });
  });

  it('gives keys that no header brings, or closes by something else than a time, is told', async () => {
    const connecting = () => NnrpClient.connectTcp('127.0.0.1:1');
    expect(() => createOpenAiServer(connecting, { keys: ['secret key'] })).toThrow(
      'keys takes a list of at least one text of printable ASCII without spaces, got a list of something else',
    );
    const { http: gateway } = await stage.http(connecting);
    await expect(gateway.close({ drainTimeoutMs: 'soon' as never })).rejects.toThrow('drainTimeoutMs takes an integer');
    await expect(gateway.listen('127.0.0.1:0')).rejects.toThrow('it listens already');
    await gateway.close({ drainTimeoutMs: 0 });
    await expect(gateway.listen('127.0.0.1:0')).rejects.toThrow('it is closed');
  });
});
