import { setTimeout as sleep } from 'node:timers/promises';
import { NnrpServer } from 'nnrp-runtime';

const server = await NnrpServer.bindTcp(process.argv[2] ?? '127.0.0.1:4433');
console.log(`listening on ${server.localAddress}`);
process.once('SIGINT', () => server.close());
server.on('handlerFailure', ({ error }) => console.error(error));

await server.serve({
  // Yields partial results, returns the last one. It goes no faster than the client reads.
  async *submit(operation) {
    const { frameId, signal } = operation;
    signal.addEventListener('abort', () => console.log(`frame ${frameId} stopped: ${signal.reason.code}`));
    let tokens = 0;
    for await (const token of generate(operation.text(), signal)) {
      tokens++;
      yield token;
    }
    return `${tokens} tokens`;
  },
});

/** Stands for a model: takes 20 ms for a token, and stops when the signal says so. */
async function* generate(prompt, signal) {
  for (const token of prompt.split(' ')) {
    await sleep(20, undefined, { signal });
    yield token;
  }
}
