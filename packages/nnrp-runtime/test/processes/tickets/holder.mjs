import { writeFileSync } from 'node:fs';
import { NnrpClient } from 'nnrp-runtime';

/*
 * Reads several streams, each of which tells its place in each piece. When it has read enough it writes down how far it is together
 * with a ticket, in one turn, and is killed: by itself, since nothing that comes later may count.
 */
const [address, file, streams, least] = process.argv.slice(2);
const client = await NnrpClient.connectTcp(address);
const session = await client.openSession({ maxInFlightOperations: Number(streams) });
const read = {};
let pieces = 0;

async function follow(operation) {
  read[operation.frameId] = [];
  for await (const piece of operation.text()) {
    read[operation.frameId].push(piece);
    if (++pieces < Number(least)) continue;
    writeFileSync(file, JSON.stringify({ read, ticket: session.ticket() }));
    process.kill(process.pid, 'SIGKILL');
  }
}

for (let stream = 0; stream < Number(streams); stream++) void follow(await session.submit(`${stream}`));
