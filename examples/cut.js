import { once } from 'node:events';
import { connect } from 'node:net';
import { NnrpClient } from 'nnrp-runtime';
import { StreamTransport } from 'nnrp-runtime/transport';

// A way to connect of one's own, to have the socket at hand; `NnrpClient.connectTcp(address)` comes back just the same.
const remoteAddress = process.argv[2] ?? '127.0.0.1:4433';
const [host, port] = remoteAddress.split(':');
let socket;
const client = await NnrpClient.connect({
  kind: 'tcp',
  async connect() {
    socket = connect(Number(port), host);
    await once(socket, 'connect');
    return new StreamTransport(socket, { kind: 'tcp', remoteAddress });
  },
});
client.on('suspended', () => console.log('(the connection is lost)'));
client.on('resumed', ({ sessions }) => console.log(`(back, with ${sessions} session)`));

const session = await client.openSession();
const operation = await session.submit('each word comes once and in order whatever the network does');
let tokens = 0;
for await (const text of operation.text()) {
  console.log(text.trim());
  // As if the cable had been pulled.
  if (++tokens === 3) socket.resetAndDestroy();
}

await client.close();
