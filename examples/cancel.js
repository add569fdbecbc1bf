import { isNnrpError, NnrpClient } from 'nnrp-runtime';

const client = await NnrpClient.connectTcp(process.argv[2] ?? '127.0.0.1:4433');
const session = await client.openSession();

const enough = new AbortController();
const operation = await session.submit('more and '.repeat(10_000), { signal: enough.signal });
try {
  let tokens = 0;
  for await (const text of operation.text()) {
    console.log(text.trim());
    if (++tokens === 3) enough.abort('the user has read enough'); // or break, or operation.cancel()
  }
} catch (error) {
  if (!isNnrpError(error, 'NNRP_ERR_CANCELLED')) throw error;
  console.log(`cancelled: ${error.cause}`);
}

await client.close();
