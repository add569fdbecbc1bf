import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { call } from '../../src/calls/client/call.js';
import { completeSubmit } from '../../src/client/submits/submit-options.js';
import { bodyBytes } from '../../src/connection/body/body-bytes.js';
import { ClosedError, NnrpClient, NnrpServer, type OperationContext, type ServeHandlers } from '../../src/index.js';
import { parseAddress } from '../../src/transport/address/address.js';
import { trustedRoots } from '../../src/transport/tls/tls-credentials.js';
import { tlsClientSettings, tlsServerSettings } from '../../src/transport/tls/tls-options.js';
import { parseTransportUrl } from '../../src/transport/url/transport-url.js';

const anyOf = (value: unknown) => value as never;

describe('what is wrong in a first program is said with what to do', () => {
  it.each<[what: string, mistake: () => unknown, says: string | RegExp]>([
    ['an object as a body', () => bodyBytes(anyOf({ prompt: 'x' })), 'got object; JSON.stringify makes text of it'],
    ['a Blob as a body', () => bodyBytes(anyOf(new Blob([]))), /got object of the kind Blob$/],
    ['a Map as a body', () => bodyBytes(anyOf(new Map())), /got object of the kind Map$/],
    ['a number as a body', () => bodyBytes(anyOf(42)), 'got number; JSON.stringify makes text of it'],
    ['a promise as a body', () => bodyBytes(anyOf(Promise.resolve(''))), 'a promise: did you forget await?'],
    ['a URL as HOST:PORT', () => parseAddress('nnrp://a:1'), "got 'nnrp://a:1'; URLs are for connect and listen"],
    ['a list as HOST:PORT', () => parseAddress(anyOf(['a:1'])), '; lists of addresses are for connect and listen'],
    [
      'timeout of a submit',
      () => completeSubmit(anyOf({ timeout: 5 })),
      "no option 'timeout'; did you mean deadlineMs?",
    ],
    [
      'an AbortSignal as options',
      () => completeSubmit(anyOf(new AbortController().signal)),
      'submit options: expected an object of options, got an object of the kind AbortSignal: write { signal }',
    ],
    [
      'an object of the platform as options',
      () => completeSubmit(anyOf(new URL('http://a'))),
      'submit options: expected an object of options, got an object of the kind URL',
    ],
    ['a server as HOST:PORT', () => parseAddress(anyOf({ localAddress: 'a:1' })), ': pass its localAddress'],
    ['a port alone', () => parseAddress(anyOf({ port: 1 })), 'got host undefined and port 1'],
    ['the name of node:tls for roots', () => tlsClientSettings(anyOf({ ca: 'x' }), 'a'), 'did you mean roots?'],
    [
      'the name of node:tls for no verification',
      () => tlsClientSettings(anyOf({ rejectUnauthorized: false }), 'a'),
      "no option 'rejectUnauthorized'; did you mean insecureSkipVerify?",
    ],
    [
      'the name of node:tls for roots of clients',
      () => tlsServerSettings(anyOf({ ca: 'x' })),
      "no option 'ca'; did you mean clientRoots?",
    ],
    ['cert', () => tlsServerSettings(anyOf({ cert: 'x' })), "no option 'cert'; did you mean certificateChain?"],
    ['a name of no use', () => tlsServerSettings(anyOf({ zzz: 'x' })), "no option 'zzz'; options are"],
    [
      'a self-signed certificate as roots',
      () => trustedRoots('roots', anyOf({ certificateDer: new Uint8Array(1) })),
      'pass its .certificateDer',
    ],
    [
      'a promise as a transport',
      () => NnrpClient.fromTransport(anyOf(Promise.resolve())),
      'a promise: did you forget await?',
    ],
    [
      'tcp://',
      () => parseTransportUrl('tcp://a:1'),
      'there is no transport tcp: did you mean nnrp? there are nnrp, nnrps',
    ],
    ['quic://', () => parseTransportUrl('quic://a:1'), 'there is no transport quic: did you mean nnrp+quic?'],
    ['http://', () => parseTransportUrl('http://a:1'), 'there are nnrp, nnrps, unix, npipe, nnrp+quic, ws, wss'],
    ['new NnrpClient', () => Reflect.construct(NnrpClient, ['127.0.0.1:1']), 'made by NnrpClient.connect(address)'],
    ['new NnrpServer', () => Reflect.construct(NnrpServer, ['127.0.0.1:1']), 'made by NnrpServer.listen(address)'],
  ])('%s', (_what, mistake, says) => {
    expect(mistake).toThrow(says);
  });

  it.each<[what: string, mistake: () => Promise<unknown>, says: string]>([
    [
      'addresses as listeners',
      () => NnrpServer.listenOn(anyOf(['nnrp://127.0.0.1:0'])),
      'got a string of 18 characters; addresses are for NnrpServer.listen',
    ],
    [
      'an address as a list of listeners',
      () => NnrpServer.listenOn(anyOf('nnrp://127.0.0.1:0')),
      '; addresses are for NnrpServer.listen',
    ],
    ['a URL to listen on', () => NnrpServer.listen(anyOf(new URL('nnrp://127.0.0.1:0'))), ': pass its href'],
    ['a URL to connect to', () => NnrpClient.connect(anyOf(new URL('nnrp://127.0.0.1:1'))), ': pass its href'],
  ])('%s', async (_what, mistake, says) => {
    await expect(mistake()).rejects.toThrow(says);
  });

  it('bind, which every function has, in the place of listen', () => {
    expect(() => NnrpServer.bind(anyOf('127.0.0.1:0'))).toThrow('a server listens by NnrpServer.listen(address)');
  });

  it.each<[what: string, session: unknown, says: string]>([
    ['a client', { openSession() {} }, 'call: session takes an NnrpClientSession, got an object with openSession'],
    ['a promise of a session', Promise.resolve(), 'a promise: did you forget await?'],
  ])('%s in the place of a session', async (_what, session, says) => {
    await expect(call(anyOf(session), 'a', 1)).rejects.toThrow(says);
  });

  it.each<[what: string, handlers: unknown, says: string]>([
    ['nothing', undefined, 'serve: needs a handler submit, such as serve({ submit: (operation) => operation.body })'],
    ['a text', 'echo', 'serve: needs a handler submit'],
    ['a class without handlers', class {}.prototype, 'serve: needs a handler submit'],
    ['a class in place of its object', class Handlers {}, 'serve: got a class without a static method submit'],
    ['a class as a handler', { submit: class Handlers {} }, 'serve: the handler submit takes a function, got a class'],
    ['a misspelt handler alone', { sumbit: () => 'x' }, "serve: there is no handler 'sumbit'; did you mean submit?"],
  ])('%s in the place of handlers', async (_what, handlers, says) => {
    await using server = await NnrpServer.bindTcp('127.0.0.1:0');
    await expect(server.serve(handlers as ServeHandlers)).rejects.toThrow(says);
  });

  it.each<[what: string, handler: unknown, says: string]>([
    ['a function', ({ body }: OperationContext) => body, 'body'],
    [
      'a generator',
      async function* ({ body }: OperationContext) {
        yield body;
        yield ' and more';
      },
      'body and more',
    ],
    ['a function that has handlers', Object.assign(() => 'not this', { submit: () => 'its own' }), 'its own'],
  ])('%s alone is the handler of submits', async (_what, handler, says) => {
    await using server = await NnrpServer.bindTcp('127.0.0.1:0');
    void server.serve(handler as ServeHandlers['submit']);
    await using client = await NnrpClient.connectTcp(server.localAddress);
    const operation = await (await client.openSession()).submit('body');
    expect(await operation.wholeText()).toBe(says);
  });

  it.each(['on', 'addListener', 'once', 'prependListener', 'prependOnceListener'] as const)(
    '%s of an event that does not exist',
    async (add) => {
      await using server = await NnrpServer.bindTcp('127.0.0.1:0');
      await using client = await NnrpClient.connectTcp(server.localAddress);
      expect(() => server[add](anyOf('message'), () => {})).toThrow(
        "there is no event 'message'; events are sessionRefused, connectionLost,",
      );
      expect(() => client[add](anyOf('close'), () => {})).toThrow("there is no event 'close'; did you mean closed?");
      // A symbol is the application's own, and what follows is what Node.js asks for beside each event that it waits for.
      server[add](anyOf(Symbol('own')), () => {});
      const resumed = once(client, 'closed');
      await client.close();
      expect(await resumed).toEqual([expect.any(ClosedError)]);
    },
  );

  it.each<[options: object, says: string]>([
    [{ revision: 'preview5' }, "revision takes 'preview3', 'preview4' or 'auto', got 'preview5'"],
    [{ reconnect: 'always' }, "reconnect takes 'resume', 'reopen' or 'never', got 'always'"],
  ])('a client with %j', async (options, says) => {
    await expect(NnrpClient.connectTcp('127.0.0.1:1', options)).rejects.toThrow(says);
  });

  it.each<[options: object, says: string]>([
    [{ revision: 'preview5' }, "revision takes 'preview3', 'preview4' or 'auto', got 'preview5'"],
    [{ deadlines: 'off' }, "deadlines takes true, false or 'report', got 'off'"],
  ])('a server with %j', async (options, says) => {
    await expect(NnrpServer.bindTcp('127.0.0.1:0', options)).rejects.toThrow(says);
  });
});
