export const PARTIALS = 1000;
export const PACED = 100;

/**
 * What an application does with a client, and loses in between: the server cuts the connection in the stream `cut`.
 *
 * @returns what has come, to be compared with {@link EXPECTED}
 */
export async function useClient(client) {
  const events = [];
  client.on('suspended', () => events.push('suspended'));
  client.on('resumed', () => events.push('resumed'));
  const session = await client.openSession();
  const answer = (await session.request('hello')).text();

  const streamed = await inOrder(await session.submit('stream'));

  const canceller = new AbortController();
  let cancelled = 'not cancelled';
  try {
    let read = 0;
    for await (const _ of await session.submit('endless', { signal: canceller.signal })) {
      if (++read === 10) canceller.abort();
    }
  } catch (error) {
    cancelled = error.name;
  }

  const cut = await inOrder(await session.submit('cut'));
  await client.close();
  return [answer, streamed, cancelled, cut, ...events].join(', ');
}

/** The numbers that its partials are, and its result after them. */
async function inOrder(operation) {
  let next = 0;
  for await (const part of operation) {
    const text = part.text();
    if (text === 'end') return `${next} partials`;
    if (text !== String(next)) return `expected ${next}, got ${text}`;
    next++;
  }
  return `${next} partials without an end`;
}

export const EXPECTED = `echo hello, ${PARTIALS} partials, CancelledError, ${PACED} partials, suspended, resumed`;
