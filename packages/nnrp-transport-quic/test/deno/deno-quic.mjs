// QUIC by Deno (quinn and rustls), told what to do line by line: a request of JSON comes in, an answer of JSON goes out.
// It knows nothing of what the bytes mean. Runs in Deno, and ends when its standard input does.

/** What requests have made, by the numbers that answers have given out. */
const things = new Map();
/** Readers and writers of streams, made when they are first used. */
const readers = new Map();
const writers = new Map();
let made = 0;

const keep = (thing) => {
  things.set(++made, thing);
  return made;
};
const encode = (bytes) => bytes.toBase64();
const decode = (text) => Uint8Array.fromBase64(text);

function reader(stream) {
  if (!readers.has(stream)) readers.set(stream, (things.get(stream).readable ?? things.get(stream)).getReader());
  return readers.get(stream);
}

function writer(stream) {
  if (!writers.has(stream)) writers.set(stream, (things.get(stream).writable ?? things.get(stream)).getWriter());
  return writers.get(stream);
}

const describe = (connection) => {
  const { protocol, serverName, remoteAddr } = connection;
  return { connection: keep(connection), protocol, serverName, remote: `${remoteAddr.hostname} ${remoteAddr.port}` };
};

const operations = {
  listen({ hostname, ...options }) {
    const endpoint = new Deno.QuicEndpoint({ hostname, port: 0 });
    return { listener: keep(endpoint.listen(options)), endpoint: keep(endpoint), port: endpoint.addr.port };
  },
  async accept({ listener }) {
    return describe(await things.get(listener).accept());
  },
  async refuse({ listener }) {
    (await things.get(listener).incoming()).refuse();
  },
  async connect({ from, ...options }) {
    const endpoint = new Deno.QuicEndpoint({ hostname: from, port: 0 });
    return describe(await Deno.connectQuic({ ...options, endpoint }));
  },
  async open({ connection, direction, waitUntilAvailable }) {
    const options = { waitUntilAvailable };
    const there = things.get(connection);
    if (direction === 'uni') return keep(await there.createUnidirectionalStream(options));
    return keep(await there.createBidirectionalStream(options));
  },
  async acceptStream({ connection }) {
    const incoming = things.get(connection).incomingBidirectionalStreams.getReader();
    const { value } = await incoming.read();
    incoming.releaseLock();
    return keep(value);
  },
  maxDatagramBytes: ({ connection }) => things.get(connection).maxDatagramSize,
  sendDatagram: ({ connection, bytes }) => things.get(connection).sendDatagram(decode(bytes)),
  async read({ stream }) {
    const { value, done } = await reader(stream).read();
    return done ? null : encode(value);
  },
  write: ({ stream, bytes }) => writer(stream).write(decode(bytes)),
  finish: ({ stream }) => writer(stream).close(),
  giveUpSending: ({ stream, reason }) => writer(stream).abort(reason),
  stopReading: ({ stream, reason }) => reader(stream).cancel(reason),
  close: ({ connection, closeCode, reason }) => things.get(connection).close({ closeCode, reason }),
  closeEndpoint: ({ endpoint }) => things.get(endpoint).close({ closeCode: 0, reason: '' }),
  async closed({ connection }) {
    const { closeCode, reason } = await things.get(connection).closed;
    return { closeCode, reason };
  },
};

const output = new TextEncoder();
/** One after another: a line must not end up inside another one. */
let lastWrite = Promise.resolve();

function answer(line) {
  lastWrite = lastWrite.then(async () => {
    const bytes = output.encode(`${JSON.stringify(line)}\n`);
    for (let written = 0; written < bytes.length; ) written += await Deno.stdout.write(bytes.subarray(written));
  });
}

async function obey({ id, operation, ...details }) {
  try {
    answer({ id, result: (await operations[operation](details)) ?? null });
  } catch (error) {
    answer({ id, error: `${error.name}: ${error.message}` });
  }
}

// What goes wrong in the background belongs to no request; it is told when it is asked for.
globalThis.addEventListener('unhandledrejection', (event) => event.preventDefault());

let rest = '';
for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  const lines = (rest + text).split('\n');
  rest = lines.pop();
  for (const line of lines) void obey(JSON.parse(line));
}
Deno.exit(0);
