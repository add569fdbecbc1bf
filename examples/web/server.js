import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { bindWebSocket } from 'nnrp-transport-websocket';

// A page and the model behind it, on one port: HTTP for the page, NNRP over WebSocket for its tokens.
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const [host = '127.0.0.1', port = '8080'] = (process.argv[2] ?? '').split(':').filter(Boolean);
const { outputFiles } = await build({
  entryPoints: [here('page.js')],
  bundle: true,
  format: 'esm',
  target: 'es2022',
  minify: true,
  write: false,
});
const files = {
  '/': { type: 'text/html; charset=utf-8', body: await readFile(here('index.html')) },
  '/page.js': { type: 'text/javascript; charset=utf-8', body: outputFiles[0].contents },
};

const http = createServer((request, response) => {
  const file = files[new URL(request.url, 'http://localhost').pathname];
  if (file === undefined) response.writeHead(404).end('not found\n');
  else response.writeHead(200, { 'content-type': file.type, 'x-content-type-options': 'nosniff' }).end(file.body);
});
// Pages of other origins are refused, because their users did not ask for it.
const server = await bindWebSocket({ server: http, path: '/nnrp' }, {}, { resumeWindowMs: 120_000 });
server.on('handlerFailure', ({ error }) => console.error(error));
http.once('error', ({ message }) => {
  console.error(message);
  process.exit(1);
});
http.listen(Number(port), host, () => console.log(`open http://${host}:${http.address().port}/`));
process.once('SIGINT', async () => {
  http.close();
  await server.close();
  http.closeAllConnections();
});

await server.serve({
  async *submit(operation) {
    const { frameId, signal } = operation;
    signal.addEventListener('abort', () => console.log(`frame ${frameId} stopped: ${signal.reason.code}`));
    yield* generate(operation.text(), signal);
  },
});

/** Stands for a model: `1000 tokens` are numbers, also `of 20 bytes every 50 ms`; anything else comes back word by word. */
async function* generate(prompt, signal) {
  const [, count, bytes = '0', pause = '5'] = /(\d+) tokens(?: of (\d+) bytes)?(?: every (\d+) ms)?/.exec(prompt) ?? [];
  const tokens = count === undefined ? prompt.split(/(?<= )/) : numbers(Number(count), Number(bytes));
  for (const token of tokens) {
    await sleep(Number(pause), undefined, { signal });
    yield token;
  }
}

function* numbers(count, bytes) {
  for (let number = 1; number <= count; number++) yield `${number} `.padStart(bytes, '.');
}
