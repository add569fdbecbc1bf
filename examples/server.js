import { NnrpServer, preview3 } from 'nnrp-runtime';

const server = await NnrpServer.bindTcp(process.argv[2] ?? '127.0.0.1:4433');
console.log(`listening on ${server.localAddr}`);
process.once('SIGINT', () => server.close());

for await (const session of server) {
  serve(session).catch((error) => console.error(`session ${session.sessionId}: ${error.message}`));
}

async function serve(session) {
  for await (const submit of session.allSubmits()) {
    for (const word of new TextDecoder().decode(submit.body).split(' ')) {
      const partial = { resultClass: preview3.ResultClass.Partial };
      await session.sendResult(submit.frameId, partial, new TextEncoder().encode(word));
    }
    await session.sendResult(submit.frameId, { statusCode: 200 });
  }
  await session.close();
}
