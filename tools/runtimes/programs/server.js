// The server that all clients call, behind a proxy that cuts connections. Prints its addresses, and ends with its input.
import { connect, createServer } from 'node:net';
import { NnrpServer } from 'nnrp-runtime';
import { bindWebSocket } from 'nnrp-transport-websocket';
import { PACED, PARTIALS } from './session.js';

const handlers = {
  async *submit(operation) {
    switch (operation.text()) {
      case 'stream':
        for (let number = 0; number < PARTIALS; number++) yield String(number);
        return 'end';
      case 'cut':
        for (let number = 0; number < PACED; number++) {
          yield String(number);
          if (number === 10) for (const cut of proxied) cut();
        }
        return 'end';
      case 'endless':
        for (let number = 0; ; number++) {
          yield String(number);
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
      default:
        return `echo ${operation.text()}`;
    }
  },
};

const overWebSocket = await bindWebSocket('127.0.0.1:0');
overWebSocket.serve(handlers);
const overTcp = await NnrpServer.listen('127.0.0.1:0');
overTcp.serve(handlers);

/** What cuts the connections of the proxies that are there. */
const proxied = new Set();
const webSocket = await proxyTo(new URL(overWebSocket.localAddress).port);
const tcp = await proxyTo(new URL(`tcp://${overTcp.localAddress}`).port);
console.log(JSON.stringify({ webSocket: `ws://127.0.0.1:${webSocket}/`, tcp: `nnrp://127.0.0.1:${tcp}` }));

process.stdin.resume();
process.stdin.on('end', () => process.exit());

async function proxyTo(port) {
  const proxy = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    const cut = () => {
      near.destroy();
      far.destroy();
      proxied.delete(cut);
    };
    proxied.add(cut);
    for (const socket of [near, far]) socket.on('error', cut).on('close', cut);
    near.pipe(far).pipe(near);
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return proxy.address().port;
}
