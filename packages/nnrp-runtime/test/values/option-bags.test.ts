import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import { clientConfig } from '../../src/client/contract/client-config.js';
import { submitMetadata } from '../../src/client/submits/submit-options.js';
import { serverConfig } from '../../src/server/contract/server-config.js';
import { resultMetadata } from '../../src/server/contract/server-messages.js';
import { serveOptions } from '../../src/server/serve/serve-options.js';
import { NnrpServer } from '../../src/server/server.js';
import { tlsClientSettings } from '../../src/transport/tls/tls-options.js';
import { BAGS, stage, use } from './option-bag-list.js';

afterEach(() => stage.clear());

const USAGE = (what: string, name: string) =>
  expect.objectContaining({
    code: 'NNRP_ERR_USAGE',
    rawMessage: expect.stringContaining(`${what}: there is no option '${name}'`),
  });
/** What no option takes that is checked by its value: a wrong type, and a value that is out of every range. */
const WRONG: readonly unknown[] = ['S3CRETTOKEN', -1, 2n ** 64n];
/** Where one of a few words is taken, a short word is shown. */
const OF_WORDS =
  /takes (a value of|bits of|'\w+'(,| or)|true, false or '|wait or)|minVersion|clientCertificates|transport is/;

const failureOf = (call: () => Promise<unknown>): Promise<unknown> =>
  call().then(
    () => undefined,
    (error: unknown) => error,
  );
/** Options that take whatever they are given, or text and bytes of any kind. */
const FREE: Readonly<Record<string, readonly unknown[]>> = {
  cause: WRONG,
  details: WRONG,
  passphrase: ['S3CRETTOKEN'],
  auth: ['S3CRETTOKEN'],
  certificateChain: ['S3CRETTOKEN'],
  privateKey: ['S3CRETTOKEN'],
  roots: ['S3CRETTOKEN'],
  clientRoots: ['S3CRETTOKEN'],
  serverName: ['S3CRETTOKEN'],
};

describe.each(Object.entries(BAGS))('%s', (_, bag) => {
  it('takes undefined for the default, in every option', async () => {
    await use(bag, Object.fromEntries(bag.names.map((name) => [name, undefined])));
  });

  it.each(['status', 'toString', 'constructor', '\u001b[2J'])('has no option %j', async (name) => {
    const shown = name.replace('\u001b', '\\x1b');
    // Defined, as JSON.parse would: an assignment to __proto__ would be something else.
    const refusing = async () => use(bag, Object.defineProperty({}, name, { value: 1, enumerable: true }));
    await expect(refusing()).rejects.toEqual(USAGE(bag.what, shown));
  });

  const ways = bag.names.filter((name) => bag.nullable?.includes(name) !== true);

  it.each(ways)('refuses null for %s, and says so', async (name) => {
    const error: unknown = await (async () => use(bag, { [name]: null }))().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'NNRP_ERR_USAGE' });
    expect((error as Error).message).toMatch(new RegExp(`\\b${name}\\b`));
  });

  it('lists its options for a name that it does not know, and guesses which was meant', async () => {
    const [name = ''] = bag.names;
    const misspelt = name.replace(/(.)(.)$/, '$2$1');
    const error = await failureOf(async () => use(bag, { [misspelt]: 1 }));
    expect(error).toEqual(USAGE(bag.what, misspelt));
    for (const known of bag.names) expect((error as Error).message).toMatch(new RegExp(`\\b${known}\\b`));
    if (name.length > 3) expect((error as Error).message).toContain(`did you mean ${name}?`);
  });

  const checked = bag.names.filter((name) => FREE[name] !== WRONG);

  it.each(checked)('refuses wrong values for %s by name, and tells no secret', async (name) => {
    for (const value of WRONG.filter((wrong) => !FREE[name]?.includes(wrong))) {
      const error = await failureOf(async () => use(bag, { [name]: value }));
      expect(error, String(value)).toMatchObject({ code: 'NNRP_ERR_USAGE' });
      const { message } = error as Error;
      expect(message).toMatch(new RegExp(`\\b${name}\\b`));
      if (!OF_WORDS.test(message)) expect(message).not.toContain('S3CRET');
      const isSecret = name === 'auth' || /passphrase|roots|certificateChain|privateKey/i.test(message);
      if (typeof value === 'number' && !isSecret) expect(message).toMatch(/(got|is) -1\b/);
    }
  });

  it('has no option __proto__, and none that is inherited', async () => {
    const parsed = JSON.parse('{"__proto__":{"status":1}}') as object;
    await expect((async () => use(bag, parsed))()).rejects.toEqual(USAGE(bag.what, '__proto__'));
    const inheriting = Object.create({ status: 1 }) as object;
    await expect((async () => use(bag, inheriting))()).rejects.toEqual(USAGE(bag.what, 'status'));
  });
});

describe('options', () => {
  it('that are inherited count like one’s own', async () => {
    expect(clientConfig(Object.create({ keepAliveMs: 7 }))).toMatchObject({ keepAliveMs: 7 });
    expect(serveOptions(Object.create({ maxQueuedOperations: 7 }))).toMatchObject({ maxQueuedOperations: 7 });
    expect(submitMetadata(Object.create({ tileCount: 7 }))).toMatchObject({ tileCount: 7 });
    expect(resultMetadata(Object.create({ statusCode: 7 }))).toMatchObject({ statusCode: 7 });
    class Options {
      get insecureSkipVerify(): boolean {
        return true;
      }
    }
    expect(tlsClientSettings(new Options(), 'localhost').verify).toBe(false);
  });

  it('that are inherited and named as members of every object are refused as well', async () => {
    for (const name of ['constructor', 'toString', 'valueOf'])
      expect(() => serverConfig(Object.create({ [name]: 1 }), 'tcp')).toThrow(`there is no option '${name}'`);
    await expect(NnrpServer.listen('nnrp://127.0.0.1:0', { constructor: 1 } as never)).rejects.toThrow("'constructor'");
  });

  it('that somebody has put on Object.prototype neither count nor disturb', () => {
    const polluted = Object.prototype as { insecureSkipVerify?: boolean; status?: number };
    polluted.insecureSkipVerify = true;
    polluted.status = 1;
    try {
      expect(tlsClientSettings({}, 'localhost').verify).toBe(true);
      expect(clientConfig({ keepAliveMs: 7 }).keepAliveMs).toBe(7);
      expect(submitMetadata({ tileCount: 7 })).toMatchObject({ tileCount: 7 });
    } finally {
      delete polluted.insecureSkipVerify;
      delete polluted.status;
    }
  });

  it.each([null, 5, 'x', true, [], new Uint8Array(2), Symbol('x')])('are an object, not %s', (bag) => {
    for (const read of [clientConfig, (given: object) => serverConfig(given, 'tcp'), submitMetadata, resultMetadata]) {
      expect(() => read(bag as never)).toThrow(/: expected an object, got /);
    }
  });

  it('that are null have no value', async () => {
    expect(() => submitMetadata({ tileCount: null } as never)).toThrow(
      'submit metadata: tileCount takes a value, got null',
    );
    expect(() => resultMetadata({ statusCode: null } as never)).toThrow('result metadata: statusCode takes a value');
    expect(() => clientConfig({ keepAliveMs: null } as never)).toThrow(/keepAliveMs takes an integer .* got null/);
    const { client } = await stage.session();
    await expect(client.openSession({ profileId: null } as never)).rejects.toThrow(/profileId takes a value, got null/);
  });
});

describe('the handlers of serve', () => {
  const submit = () => '';

  it.each(['session', 'ended', 'cancel', 'patch', 'migrate', 'cache', 'close', 'event'])(
    'take a function or nothing for %s',
    async (name) => {
      for (const value of [null, 5, {}, '\u001b']) {
        const server = await stage.serve();
        await expect(server.serve({ submit, [name]: value } as never)).rejects.toMatchObject({
          code: 'NNRP_ERR_USAGE',
          rawMessage: expect.stringMatching(new RegExp(`^serve: the handler ${name} takes a function, got `)),
        });
      }
      const server = await stage.serve();
      const serving = server.serve({ submit, [name]: undefined });
      await server.close();
      await serving;
    },
  );

  it('have no other names, unless they are methods of a class', async () => {
    const server = await stage.serve();
    const misspelt = { submit, onClose() {} };
    await expect(server.serve(misspelt)).rejects.toThrow("serve: there is no handler 'onClose'");
    class Handlers {
      answer = 'x';
      submit() {
        return this.reply();
      }
      reply() {
        return this.answer;
      }
    }
    const serving = server.serve(new Handlers());
    await server.close();
    await serving;
  });
});

describe('the result of a handler', () => {
  it.each([
    ['a last one', { body: 'x', metadata: { status: 429 } }],
    ['a partial one', { body: 'x', metadata: { status: 429 } }],
  ])('with metadata of another protocol has failed by name, as %s', async (which, value) => {
    const { server, client } = await stage.pair();
    const failures: unknown[] = [];
    server.on('handlerFailure', ({ error }) => void failures.push(error));
    server.serve({
      async *submit() {
        if (which === 'a partial one') yield value as never;
        return value as never;
      },
    });
    const session = await client.openSession({ defaultDeadlineMs: 0 });
    await expect((await session.submit('x')).result()).rejects.toThrow();
    expect(failures).toEqual([USAGE('result metadata', 'status')]);
  });

  it('has the default of what is undefined in its metadata', async () => {
    const { server, client } = await stage.pair();
    server.serve({
      async *submit() {
        yield { body: 'x', metadata: { payloadFrameCount: undefined, inferenceMs: 5 } as never };
        return {
          body: 'y',
          metadata: { statusCode: undefined, activeProfileId: undefined, queueMs: 3 } as never,
        };
      },
    });
    const session = await client.openSession({ defaultDeadlineMs: 0 });
    const seen = [];
    for await (const { metadata } of await session.submit('x')) seen.push(metadata);
    const { TokenChunk } = preview3.PayloadKindFlags;
    expect(seen).toMatchObject([
      {
        payloadFrameCount: 1,
        inferenceMs: 5,
        resultClass: preview3.ResultClass.Partial,
        payloadKindBitmap: TokenChunk,
      },
      { statusCode: preview3.StatusCode.Success, activeProfileId: preview3.ProfileId.Token, queueMs: 3 },
    ]);
  });
});
