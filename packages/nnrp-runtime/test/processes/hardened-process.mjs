/*
 * node [OPTIONS] hardened-process.mjs [PRELUDE]   a server and its client in one process, which has been changed by its options or by the
 * prelude, a program that runs before anything is imported. Prints what came of the client's calls, as JSON.
 */
const [, , prelude = ''] = process.argv;
if (prelude !== '') new Function(prelude)();
const { HandlerError, NnrpClient, NnrpServer } = await import('nnrp-runtime');

const server = await NnrpServer.bindTcp('127.0.0.1:0');
server.on('handlerFailure', () => {});
const serving = server.serve({
  async *submit(operation) {
    const text = operation.text();
    if (text === 'on purpose') throw new HandlerError('OUT_OF_LUCK', 'no luck', { details: { tries: [1] } });
    if (text === 'by mistake') throw new TypeError('a defect');
    for (const word of text.split(' ')) yield `${word} `;
  },
});
const client = await NnrpClient.connectTcp(server.localAddress);
const session = await client.openSession();
const seen = [];
for (const text of ['one two', 'on purpose', 'by mistake']) {
  try {
    const operation = await session.submit(text, { deadlineMs: 20_000 });
    let all = '';
    for await (const part of operation.text()) all += part;
    seen.push(all);
  } catch ({ name, code }) {
    seen.push(`${name} ${code}`);
  }
}
await client.close();
await session.submit('late').catch(({ name, code }) => seen.push(`${name} ${code}`));
await server.close();
await serving;
process.stdout.write(JSON.stringify(seen));
