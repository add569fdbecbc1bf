import { CommandUsageError } from '../exit-code.js';
import { readSmallFile } from '../files/small-file.js';

const TOKEN = /^[\x21-\x7e]+$/;
const MOST_BYTES = 4 * 1024 * 1024;

/** The address of the operators' port, and how to ask it. */
export interface AdminTarget {
  readonly url: URL;
  readonly token: string | undefined;
  readonly timeoutMs: number;
}

/** @throws CommandUsageError on what is no URL of an operators' port, and on a file that cannot be read */
export function adminTarget(given: string, tokenFile: string | undefined, timeoutMs: number): AdminTarget {
  const text = /^[a-z]+:\/\//i.test(given) ? given : `http://${given}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    throw new CommandUsageError(`${given}: expected HOST:PORT, or an http or https URL, of an operators' port`);
  // It would stand in the process list, and in what fetch says against it.
  if (url.username !== '' || url.password !== '')
    throw new CommandUsageError(`${url.host}: takes no user and password; --token FILE has the token`);
  return { url, token: tokenFile === undefined ? undefined : tokenOf(tokenFile), timeoutMs };
}

function tokenOf(file: string): string {
  let token: string;
  try {
    token = readSmallFile(file).toString().trim();
  } catch (error) {
    throw new CommandUsageError(`--token ${file}: cannot be read: ${(error as Error).message}`);
  }
  if (TOKEN.test(token)) return token;
  throw new CommandUsageError(`--token ${file}: takes one token of printable ASCII without spaces`);
}

/** @throws (as a rejection) an error that says why there is no answer */
export async function askAdmin<Answer>({ url, token, timeoutMs }: AdminTarget, path: string): Promise<Answer> {
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const where = new URL(path, url);
  const signal = AbortSignal.timeout(timeoutMs);
  const response = await fetch(where, { headers, signal, redirect: 'error' }).catch((error: Error) => {
    const { message } = (error.cause ?? error) as Error;
    const isOther = /HTTP\/1\.1 protocol|Parse Error/i.test(message);
    const hint = isOther ? ": it speaks no HTTP; the operators' port is the one of nnrp serve --admin" : '';
    if (message === 'bad port')
      throw new Error(
        `${where.host} is not asked: fetch refuses the ports of other protocols, as browsers do; take another port for --admin`,
        { cause: error },
      );
    throw new Error(`${where.host} does not answer: ${message}${hint}`, { cause: error });
  });
  const text = await boundedText(response, where.host);
  if (response.status === 401) throw new Error(`${where.host} wants a token (--token FILE)`);
  if (!response.ok)
    throw new Error(`${where.host} answers with status ${response.status}: ${text.trim().slice(0, 200)}`);
  try {
    return JSON.parse(text) as Answer;
  } catch {
    throw new Error(`${where.host} is no operators' port of nnrp: its answer is no JSON`);
  }
}

async function boundedText(response: Response, host: string): Promise<string> {
  const decoder = new TextDecoder();
  let [text, bytes] = ['', 0];
  try {
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      bytes += chunk.length;
      if (bytes > MOST_BYTES) break;
      text += decoder.decode(chunk, { stream: true });
    }
  } catch (error) {
    const { message } = ((error as Error).cause ?? error) as Error;
    throw new Error(`${host} does not end its answer: ${message}`, { cause: error });
  }
  if (bytes > MOST_BYTES) throw new Error(`${host} sends more than ${MOST_BYTES} bytes`);
  return text + decoder.decode();
}
