import { NnrpClient } from 'nnrp-runtime';

const client = await NnrpClient.connectTcp(process.argv[2] ?? '127.0.0.1:4433');
const session = await client.openSession();

const stream = await session.submit('one connection, many sessions');
for await (const text of stream.text()) console.log(text);
const last = await stream.result();
console.log(`status ${last.metadata.statusCode}`);

const [first, second] = await Promise.all([session.submit('left'), session.submit('right')]);
const results = await Promise.all([first.result(), second.result()]);
console.log(results.map((result) => result.metadata.statusCode).join(' '));

await client.close();
