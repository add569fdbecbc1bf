import { readFileSync } from 'node:fs';
import { NnrpClient, ticketAddress } from 'nnrp-runtime';

/* Goes on from what the other process has written down, and tells what both have read together. */
const [file] = process.argv.slice(2);
const { read, ticket } = JSON.parse(readFileSync(file, 'utf8'));
const client = await NnrpClient.connectTcp(ticketAddress(ticket));
const { session, operations, lostPackets } = await client.resumeSession(ticket);

async function follow(frameId, operation) {
  read[frameId] ??= [];
  for await (const piece of operation.text()) read[frameId].push(piece);
}

await Promise.all([...operations].map(([frameId, operation]) => follow(frameId, operation)));
await session.close();
await client.close();
process.stdout.write(JSON.stringify({ read, lostPackets, resumed: operations.size }));
