import { setTimeout as sleep } from 'node:timers/promises';
import { NnrpServer } from 'nnrp-runtime';

const server = await NnrpServer.bindTcp(process.argv[2] ?? '127.0.0.1:4433');
console.log(`listening on ${server.localAddress}`);
process.once('SIGINT', () => server.close());

await server.serve({
  // What a handler yields is sent at once; it goes no faster than the client reads.
  submit: (operation) => generate(operation.text(), operation.signal),
});

/** Stands for a model. The signal aborts when the rest is not wanted: cancelled, too late, client gone for good. */
async function* generate(prompt, signal) {
  for (const word of prompt.split(' ')) {
    await sleep(20, undefined, { signal });
    yield `${word} `;
  }
}
