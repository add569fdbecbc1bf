import { NnrpClient } from 'nnrp-runtime';

const client = await NnrpClient.connectTcp(process.argv[2] ?? '127.0.0.1:4433');
const session = await client.openSession();

await Promise.all([ask('one connection, many sessions'), ask('left and right')]);
await client.close();

async function ask(prompt) {
  const operation = await session.submit(prompt, { deadlineMs: 10_000 });
  let answer = '';
  for await (const text of operation.text()) answer += text; // as it is generated
  console.log(answer.trim());
}
