// A Worker of Cloudflare's kind: ?to=URL streams what the server streams, ?use=URL answers what a whole session has got.
import { NnrpClient } from 'nnrp-runtime';
import { main } from './by-name.js';

export default {
  async fetch(request) {
    const { searchParams } = new URL(request.url);
    const use = searchParams.get('use');
    if (use !== null) return Response.json(await main(use));
    const client = await NnrpClient.connect(searchParams.get('to'));
    const { readable, writable } = new TransformStream();
    pass(client, writable.getWriter());
    return new Response(readable);
  },
};

async function pass(client, writer) {
  const encoder = new TextEncoder();
  try {
    const session = await client.openSession();
    for await (const part of await session.submit('stream')) await writer.write(encoder.encode(`${part.text()}\n`));
    await client.close();
    await writer.close();
  } catch (error) {
    await writer.abort(error);
  }
}
