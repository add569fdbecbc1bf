import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as preview3 from 'nnrp-core/preview3';
import { describe, expect, it } from 'vitest';
import { RETRY_DEFAULTS } from '../../src/calls/client/retry-options.js';
import { DEFAULT_PROBE_BYTES } from '../../src/client/connection/probe-options.js';
import { CLOSE_DEFAULTS as CLIENT_CLOSE } from '../../src/client/session/close-options.js';
import { CLOSE_DEFAULTS as SERVER_CLOSE } from '../../src/server/contract/close-options.js';
import { HANDLER_ERROR_DEFAULTS } from '../../src/server/failures/handler-error-options.js';
import { memoryOptions } from '../../src/transport/memory-options.js';
import { STREAM_DEFAULTS } from '../../src/transport/stream/stream-transport-options.js';
import { DEFAULT_CONNECT_TIMEOUT_MS } from '../../src/transport/tcp/tcp-options.js';
import { optionComments } from './option-comments.js';

const PACKAGES = fileURLToPath(new URL('../../../', import.meta.url));
const { closeTimeoutMs, highWaterBytes, stallTimeoutMs } = STREAM_DEFAULTS;

/** As a comment says it: the name of an enum's value, or a number, whole KiB and MiB in those. */
function said(option: string, value: unknown): string {
  if (option === 'reason') return preview3.CloseReasonName[value as number] ?? '';
  if (option === 'inFlightPolicy') return preview3.InFlightPolicyName[value as number] ?? '';
  if (option === 'wireCode') return preview3.ErrorCodeName[value as number] ?? '';
  if (!option.endsWith('Bytes') || option === 'payloadBytes') return String(value);
  const kib = (value as number) / 1024;
  return kib % 1024 === 0 ? `${kib / 1024} MiB` : `${kib} KiB`;
}

describe('options that docs/api.md shows without a column for their defaults', () => {
  it.each<[string, string, object]>([
    ['CloseOptions', 'client/session/close-options', CLIENT_CLOSE],
    ['ServerCloseOptions', 'server/contract/close-options', SERVER_CLOSE],
    ['HandlerErrorOptions', 'server/failures/handler-error-options', HANDLER_ERROR_DEFAULTS],
    ['RetryOptions', 'calls/client/retry-options', RETRY_DEFAULTS],
    ['ProbeOptions', 'client/connection/probe-options', { payloadBytes: DEFAULT_PROBE_BYTES }],
    ['StreamTransportOptions', 'transport/stream/stream-transport-options', STREAM_DEFAULTS],
    ['TcpOptions', 'transport/tcp/tcp-options', { closeTimeoutMs, highWaterBytes, stallTimeoutMs }],
    ['TcpConnectOptions', 'transport/tcp/tcp-options', { connectTimeoutMs: DEFAULT_CONNECT_TIMEOUT_MS }],
    ['MemoryOptions', 'transport/memory-options', memoryOptions({})],
  ])('say in %s what the code does', (name, source, defaults) => {
    const code = readFileSync(join(PACKAGES, 'nnrp-runtime/src', `${source}.ts`), 'utf8');
    const comments = new Map(optionComments(name, code));
    for (const [option, value] of Object.entries(defaults)) {
      expect(comments.get(option), option).toMatch(new RegExp(`[Dd]efault ${said(option, value)}(?![\\w])`));
    }
  });
});

describe('a default of an option', () => {
  it('stands in a file that is named after its options', () => {
    const files = [
      'nnrp-core',
      'nnrp-runtime',
      'nnrp-transport-quic',
      'nnrp-transport-websocket',
      'nnrp-openai',
      'nnrp-opentelemetry',
      'nnrp-admin',
    ]
      .map((name) => join(name, 'src'))
      .flatMap((folder) =>
        readdirSync(join(PACKAGES, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
      )
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'));
    const declared = files.flatMap((file) => {
      const code = readFileSync(join(PACKAGES, file), 'utf8');
      return [...code.matchAll(/export interface (\w+Options)\b/g)]
        .filter(([, name = '']) => optionComments(name, code).some(([, comment]) => /\bdefault\b/i.test(comment)))
        .map(([, name = '']) => ({ file, name }));
    });
    expect(declared.length).toBeGreaterThan(20);
    expect(declared.filter(({ file }) => !/-(?:options|config)\.ts$/.test(file))).toEqual([]);
  });
});
