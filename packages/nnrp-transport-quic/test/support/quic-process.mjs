// One end of a connection in a process of its own: `serve`, or `call HOST:PORT CERTIFICATE`. Then, by the third word, it
// `stays`, or `closes` and ends by itself: nothing here ends the process. A line in JSON says how far it has got.
import { NnrpClient } from 'nnrp-runtime';
import { QuicConnector, QuicProvider, QuicServerEndpointConfig } from '../../dist/index.js';

const say = (what) => console.log(JSON.stringify(what));
const [role, then, address, certificate] = process.argv.slice(2);

if (role === 'serve') {
  const { config, certificate: own } = QuicServerEndpointConfig.selfSignedLocalhost('127.0.0.1:0');
  const server = await QuicProvider.bind(config, { drainTimeoutMs: 0 });
  const serving = server.serve({ submit: (operation) => operation.body });
  say({ address: server.localAddress, certificate: Buffer.from(own.certificateDer).toString('base64') });
  if (then === 'closes') {
    await new Promise((resolve) => process.stdin.once('data', resolve));
    process.stdin.destroy();
    await server.close();
    await serving;
    say({ closed: true });
  }
} else {
  const connector = new QuicConnector(address, { roots: Buffer.from(certificate, 'base64') });
  const client = NnrpClient.fromTransport(await connector.connect());
  const session = await client.openSession();
  const { body } = await (await session.submit('ping')).result();
  say({ answer: Buffer.from(body).toString() });
  if (then === 'closes') {
    await client.close();
    say({ closed: true });
  }
}
