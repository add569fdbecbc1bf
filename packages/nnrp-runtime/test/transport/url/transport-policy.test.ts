import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import { NnrpClient } from '../../../src/client/client.js';
import type { NnrpConnectOptions } from '../../../src/client/connect-options.js';
import { NnrpServer } from '../../../src/server/server.js';
import { freePath } from '../ipc/ipc-carrier.js';

const { TransportId, TransportPolicy } = preview3;

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** What the server says of the policy, over TCP; undefined when the hello had none. */
async function answered(config: NnrpConnectOptions, greet: (client: NnrpClient) => unknown = () => {}) {
  const server = await NnrpServer.listen(['nnrp://127.0.0.1:0', `unix:${freePath()}`]);
  ends.push(() => server.close());
  server.serve({ submit: ({ body }) => body });
  const [tcp, ipc] = server.endpoints.map(({ localAddress }) => localAddress) as [string, string];
  const client = await NnrpClient.connect([`nnrp://${tcp}`, ipc], config);
  ends.push(() => client.close());
  await greet(client);
  await client.openSession();
  const said = client.serverHello?.extensions.map((extension) => preview3.decodeHelloExtension(extension));
  return said?.find((extension) => extension?.kind === 'transport_policy_ack');
}

/** The first packets that a client sends, up to the answer that does not come. */
async function sent(config: NnrpConnectOptions): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(() => server.close());
  const connecting = NnrpClient.connect(`nnrp://127.0.0.1:${(server.address() as AddressInfo).port}`, config);
  const [socket] = await once(server, 'connection');
  const client = await connecting;
  ends.push(
    () => client.close(),
    () => socket.destroy(),
  );
  client.openSession().catch(() => {});
  const [bytes] = await once(socket, 'data');
  return (bytes as Buffer).toString('hex');
}

const active = { kind: 'transport_policy_ack', activeTransportId: TransportId.Tcp };
const ack = (policy: number, acceptedPolicy = policy) => ({ ...active, policy, acceptedPolicy });

describe('the transport_policy of a hello', () => {
  it.each([
    ['auto', ack(TransportPolicy.Auto)],
    [{ prefer: 'tcp' }, ack(TransportPolicy.PreferTcp)],
    [{ force: 'tcp' }, ack(TransportPolicy.ForceTcp)],
  ] as const)('says %o, and the server answers', async (transportPolicy, answer) => {
    expect(await answered({ hello: true, transportPolicy })).toEqual(answer);
    expect(await answered({ hello: { latencyBudgetMs: 5 }, transportPolicy })).toEqual(answer);
    expect(await answered({ transportPolicy }, (client) => client.hello())).toEqual(answer);
  });

  it.each([undefined, { prefer: 'ipc' }, { force: 'ipc' }] as const)(
    'is not there for %o, which preview3 cannot say or the application has not said',
    async (transportPolicy) => {
      expect(await answered({ hello: true, transportPolicy })).toBeUndefined();
    },
  );

  it('is what the application says there, when it says it in both places', async () => {
    const own = preview3.encodeHelloExtension({
      kind: 'transport_policy',
      policy: TransportPolicy.PreferQuic,
      preferredTransportId: TransportId.Quic,
    });
    const config: NnrpConnectOptions = { hello: { extensions: [own] }, transportPolicy: 'auto' };
    expect(await answered(config)).toEqual(ack(TransportPolicy.PreferQuic));
  });

  it('has these bytes, behind what else the hello says', async () => {
    const quiet = await sent({ hello: true, announce: false });
    const said = await sent({ hello: true, announce: false, transportPolicy: { force: 'tcp' } });
    expect(said.length - quiet.length).toBe(32);
    // Type, flags, length; policy, reserved, preferred transport.
    expect(said.slice(-32)).toBe('0101000008000000' + '0400000002000000');
  });

  it('is in no other message: without a hello, the bytes are those of a client that says nothing', async () => {
    for (const announce of [true, false]) {
      const quiet = await sent({ announce });
      expect(await sent({ announce, transportPolicy: 'auto' })).toBe(quiet);
      expect(await sent({ announce, transportPolicy: { prefer: 'tcp' } })).toBe(quiet);
    }
  });
});
