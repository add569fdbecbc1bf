// A server in a process of its own, so that what it holds can be measured. Its parent is the clients.
import { HandlerError, NnrpServer } from 'nnrp-runtime';

const { name, use, tls, package: of, handlers: wanted = [], config = {}, serving = {} } = JSON.parse(process.argv[2]);
const held = () => {
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};
const never = new Promise(() => {});
const kept = [];

const refuse = () => {
  throw new HandlerError('NO', 'not this one');
};
const policies = { policy: () => never, refuse };
const validateSessionOpen = policies[use];
const options = { ...config, ...(validateSessionOpen && { applicationPolicy: { validateSessionOpen } }) };

/** Listens over TCP, TLS, or what a package brings. */
async function bound() {
  if (tls !== undefined) return NnrpServer.bindTls('127.0.0.1:0', tls, options);
  if (of === undefined) return NnrpServer.bindTcp('127.0.0.1:0', options);
  const { bindWebSocket, QuicProvider, QuicServerEndpointConfig } = await import(of.at);
  if (bindWebSocket !== undefined) return bindWebSocket('ws://127.0.0.1:0', of.options, options);
  const { config: endpoint } = QuicServerEndpointConfig.selfSignedLocalhost('127.0.0.1:0', of.options);
  return QuicProvider.bind(endpoint, options);
}

const server = await bound();
if (use === 'serve') {
  const handlers = { submit: () => never, patch: () => never, migrate: () => never };
  server.serve({ submit: handlers.submit, ...Object.fromEntries(wanted.map((of) => [of, handlers[of]])) }, serving);
} else if (use === 'push') {
  // The sends do not wait for room.
  server.serve({
    submit(operation) {
      for (let count = 0; count < serving.results; count++) operation.push(new Uint8Array(serving.bytes));
      return never;
    },
  });
} else if (use === 'pushInTurn') {
  server.serve({
    async *submit() {
      for (;;) yield new Uint8Array(serving.bytes);
    },
  });
} else if (use === 'answer') {
  // All at once: a client that takes nothing is not read when its outbox is full.
  let running = 0;
  let go;
  const all = new Promise((resolve) => {
    go = resolve;
  });
  server.serve({
    async submit() {
      if (++running === serving.operations) go();
      await all;
      return new Uint8Array(serving.bytes);
    },
  });
} else if (use === 'pushWhenAway') {
  let count = 0;
  const away = new Promise((resolve) => {
    server.on('sessionSuspended', () => ++count === serving.sessions && resolve());
  });
  // The sends do not wait for room.
  server.serve({
    async submit(operation) {
      await away;
      for (let number = 0; number < serving.results && !operation.isOver; number++) {
        operation.push(new Uint8Array(serving.bytes)).catch(() => {});
      }
      return never;
    },
  });
} else {
  (async () => {
    for await (const session of server) {
      kept.push(session);
      if (use === 'events') kept.push(session.events());
    }
  })();
}
const base = held();
const baseResident = process.memoryUsage.rss();
process.send({ address: server.localAddress });
process.on('message', ({ measure, of = name }) => {
  if (!measure) return;
  const { value } = server.stats()[of];
  process.send({ counted: value, held: held() - base, resident: process.memoryUsage.rss() - baseResident });
});
