// `alone PATH`: a server on a Unix domain socket; `cluster PATH`: one in each of two workers. Each says in a line of JSON how it has
// fared. All end with the standard input of the first process, which closes the servers.
import cluster from 'node:cluster';
import { NnrpServer } from '../../dist/index.js';

const [role, path] = process.argv.slice(2);

async function serve() {
  const server = await NnrpServer.bindIpc(path);
  server.serve({ submit: () => `process ${process.pid}` });
  return server;
}

function say(report) {
  process.stdout.write(`${JSON.stringify({ pid: process.pid, ...report })}\n`);
}

async function began() {
  try {
    const server = await serve();
    say({ address: server.localAddress });
    return server;
  } catch (error) {
    say({ error: error.message });
    return undefined;
  }
}

if (role === 'cluster' && cluster.isPrimary) {
  for (let count = 0; count < 2; count++) cluster.fork();
  process.stdin.resume().once('end', () => {
    for (const worker of Object.values(cluster.workers)) worker.send('close');
  });
} else if (role === 'cluster') {
  const server = await began();
  process.once('message', async () => {
    await server?.close();
    process.disconnect();
  });
} else {
  // All that were started together begin together.
  process.stdin.once('data', async () => {
    const server = await began();
    process.stdin.once('end', () => server?.close());
  });
  say({ ready: true });
}
