// node fuzz/module.mjs [COUNT] [SEED]   in the folder of the package, after `pnpm build`
// Mutated datagrams straight into the module, to both roles: Initials, handshakes, and packets of a connection that is there,
// among them some that its own keys have sealed. Fails when the module traps, or when its memory grows without end.
import { randomBytes } from 'node:crypto';
import { QuicClientEndpointConfig, QuicServerEndpointConfig } from '../dist/index.js';
import { addressWords } from '../dist/module/address-words.js';
import { loadModule } from '../dist/module/load-module.js';
import { Happened, NEWCOMER } from '../dist/module/module-facts.js';
import { QuinnModule } from '../dist/module/quinn-module.js';
import { readIdentity } from '../dist/quinn/identity.js';

const count = Number(process.argv[2] ?? 2_000_000);
let state = Number(process.argv[3] ?? 1) >>> 0 || 1;
const MAX_MEMORY = 64 * 1024 * 1024;
const ROUND = 2000;
const [CLIENT, SERVER] = [addressWords('192.0.2.1'), addressWords('192.0.2.2')];
const code = await loadModule();
const { settings } = QuicServerEndpointConfig.selfSignedLocalhost('127.0.0.1:0').config;
const server = make((module) => {
  module.configure(settings, 1);
  module.identify(readIdentity(settings.credentials));
  module.listen('none');
});
const client = make((module) => {
  module.configure(new QuicClientEndpointConfig({ insecureSkipVerify: true }).settings, 0);
  module.dial(false);
});

const begun = performance.now();
let done = 0;
let connections = 0;
while (done < count) {
  const pair = handshake();
  for (let left = Math.min(ROUND, count - done); left > 0; left--, done++) attack(pair);
  client.forget(pair.client);
  for (const index of pair.servers) server.forget(index);
  for (const [name, module] of Object.entries({ server, client })) check(name, module);
  connections++;
}
const rate = Math.round((1000 * done) / (performance.now() - begun));
console.log(
  `${done} mutated datagrams, ${connections} connections, ${rate} a second, no trap; memory of the server ${server.memoryBytes} bytes`,
);

function make(configure) {
  const module = new QuinnModule(code, randomBytes(64));
  configure(module);
  return module;
}

function check(name, module) {
  if (module.failure !== undefined) throw new Error(`${name} after ${done}: ${module.failure.message}`);
  if (module.openConnections > 0) throw new Error(`${name} keeps ${module.openConnections} connections`);
  if (module.memoryBytes > MAX_MEMORY) throw new Error(`${name} has ${module.memoryBytes} bytes of memory`);
}

/** A number below `most`. */
function below(most) {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % most;
}

/** A connection of both modules, and real datagrams of it. */
function handshake() {
  const index = client.connect('localhost', SERVER, 4433);
  const pair = { client: index, servers: new Set(), samples: { toServer: [], toClient: [] } };
  for (let turn = 0; turn < 12; turn++) {
    for (const datagram of sent(client, index)) {
      pair.samples.toServer.push(datagram);
      toServer(pair, datagram);
    }
    if ((client.happened(index) & Happened.Connected) !== 0 && client.openStream(index))
      client.write(index, randomBytes(3000));
    for (const one of pair.servers) {
      server.happened(one);
      server.read(one, Buffer.alloc(65_536));
      for (const datagram of sent(server, one)) {
        pair.samples.toClient.push(datagram);
        client.receive(datagram, SERVER, 4433);
      }
    }
  }
  return pair;
}

function toServer(pair, datagram) {
  const index = server.receive(datagram, CLIENT, 1000 + below(4));
  if (index !== NEWCOMER) return;
  const accepted = server.accept();
  if (accepted >= 0) pair.servers.add(accepted);
}

function sent(module, index) {
  const all = [];
  for (let bytes = module.transmit(index, 1); bytes > 0; bytes = module.transmit(index, 1)) {
    const datagram = Buffer.alloc(bytes);
    module.copy(datagram, 0, bytes);
    all.push(datagram);
  }
  return all;
}

function attack(pair) {
  const forServer = below(2) === 0;
  const samples = forServer ? pair.samples.toServer : pair.samples.toClient;
  const datagram = mutated(samples[below(samples.length)]);
  if (forServer) toServer(pair, datagram);
  else client.receive(datagram, SERVER, 4433);
  if (below(64) === 0) settle(pair);
}

/** What is left after mutations: timers, answers, fresh packets under the keys of the connection. */
function settle(pair) {
  client.happened(pair.client);
  client.handleTimeout(pair.client);
  client.write(pair.client, randomBytes(1 + below(2000)));
  for (const datagram of sent(client, pair.client)) {
    if (pair.samples.toServer.length < 100) pair.samples.toServer.push(datagram);
    toServer(pair, below(2) === 0 ? datagram : mutated(datagram));
  }
  for (const index of pair.servers) {
    server.happened(index);
    server.handleTimeout(index);
    server.read(index, Buffer.alloc(65_536));
    for (const datagram of sent(server, index))
      client.receive(below(2) === 0 ? datagram : mutated(datagram), SERVER, 4433);
  }
}

function mutated(sample) {
  const datagram = Buffer.from(sample);
  const kind = below(10);
  if (kind === 0) return datagram.subarray(0, below(datagram.length + 1));
  if (kind === 1) return Buffer.concat([datagram, randomBytes(below(200))]);
  if (kind === 2) return Buffer.concat([datagram.subarray(0, below(datagram.length + 1)), datagram]);
  for (let flips = 1 + below(6); flips > 0; flips--) {
    const at = below(below(2) === 0 ? Math.min(50, datagram.length) : datagram.length);
    datagram[at] = below(4) === 0 ? below(256) : datagram[at] ^ (1 << below(8));
  }
  return datagram;
}
