// A cluster of two workers in one process tree: `serve tcp|tls|quic`, or `call tcp|tls|quic HOST:PORT`. Certificates and
// the key come from the environment. Each worker says in a line of JSON how it has fared; all end with the first
// process, when its standard input ends.
import cluster from 'node:cluster';
import { NnrpClient, NnrpServer } from 'nnrp-runtime';
import { QuicProvider, QuicServerEndpointConfig } from '../../dist/index.js';

const [role, way, address] = process.argv.slice(2);
const { ROOT: roots, CERTIFICATE: certificateChain, KEY: privateKey } = process.env;

async function bind(to) {
  const own = { certificateChain, privateKey };
  if (way === 'tcp') return NnrpServer.bindTcp(to);
  if (way === 'tls') return NnrpServer.bindTls(to, own);
  return QuicProvider.bind(new QuicServerEndpointConfig(to, own));
}

async function connect() {
  if (way === 'tcp') return NnrpClient.connectTcp(address);
  if (way === 'tls') return NnrpClient.connectTls(address, { roots });
  return QuicProvider.connect(address, { roots });
}

async function work() {
  if (role === 'serve') {
    const server = await bind(address);
    server.serve({ submit: () => `worker ${process.pid}` });
    return { pid: process.pid, address: server.localAddress };
  }
  const client = await connect();
  const session = await client.openSession({ defaultDeadlineMs: 0 });
  let right = 0;
  for (let number = 0; number < 10; number++) {
    const text = `${process.pid} ${number} `.repeat(500);
    const { body } = await (await session.submit(text)).result();
    if (Buffer.from(body).toString() === text) right++;
  }
  return { pid: process.pid, right };
}

if (cluster.isPrimary) {
  for (let count = 0; count < 2; count++) {
    const worker = cluster.fork();
    worker.on('message', (report) => console.log(JSON.stringify(report)));
    // One after the other, so that it is known which one comes second.
    await new Promise((resolve) => worker.once('message', resolve));
  }
  process.stdin.resume().on('end', () => process.exit(0));
} else {
  process.send(await work().catch(({ code, message }) => ({ pid: process.pid, error: `${code}: ${message}` })));
}
