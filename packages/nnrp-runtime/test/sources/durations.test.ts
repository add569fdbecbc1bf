import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const packages = fileURLToPath(new URL('../../../', import.meta.url));
/** Times that stand on the calendar: when a completion was made, and dates of certificates. */
const CALENDAR = [
  // Moments that peers of preview4 send.
  'nnrp-runtime/src/base/time/unix-time.ts',
  'nnrp-runtime/src/calls/chat/chat-handler.ts',
  'nnrp-runtime/src/transport/tls/tls-credentials.ts',
  // Handed to the module, which has no clock: certificates, and the half minute of a Retry token.
  'nnrp-transport-quic/src/module/system-calls.ts',
  'nnrp-openai/src/http/call-answer.ts',
  // A model server names a date to try again at, and not what time it is there.
  'nnrp-openai/src/upstream/retry-after.ts',
];

function sources(folder: string): string[] {
  return readdirSync(`${packages}${folder}`, { recursive: true, encoding: 'utf8' })
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'));
}

it('no duration follows the wall clock, which may be set at any time', () => {
  const files = [
    'nnrp-core/src',
    'nnrp-runtime/src',
    'nnrp-transport-quic/src',
    'nnrp-transport-websocket/src',
    'nnrp-openai/src',
  ].flatMap(sources);
  const calendar = files.filter((name) => readFileSync(`${packages}${name}`, 'utf8').includes('Date.now('));
  expect(calendar).toEqual(CALENDAR);
});
