import { NnrpServer } from 'nnrp-runtime';

const server = await NnrpServer.bindTcp(process.argv[2] ?? '127.0.0.1:4433');
console.log(`listening on ${server.localAddress}`);
process.once('SIGINT', () => server.close());

for await (const session of server) {
  serve(session).catch((error) => console.error(`session ${session.sessionId}: ${error.message}`));
}

async function serve(session) {
  for await (const submit of session) {
    answer(submit).catch((error) => console.error(`frame ${submit.frameId}: ${error.message}`));
  }
  await session.close();
}

async function answer(submit) {
  for (const word of submit.text().split(' ')) await submit.push(`${word} `);
  await submit.complete();
}
