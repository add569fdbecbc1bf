import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodePayloads, eventPayload, joinBody, opaquePayload, tokenPayload } from 'nnrp-core/preview3';
import { afterAll, describe, expect, it } from 'vitest';
import { nnrp } from '../cli-process.js';
import { pcap } from './pcap-file.js';

const folder = mkdtempSync(join(tmpdir(), 'nnrp-packets-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const PING = '4e4e5250010020280000000000000000000000000000000000000000000000000000000000000000';
const PONG = PING.replace('0020', '0021');

/** As much of a line as is looked at. */
interface Line {
  readonly at: number;
  readonly packet: { readonly header: { readonly message_type_name: string } };
  readonly payloads: unknown;
}

function lines(stdout: Buffer): Line[] {
  return stdout
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}

describe('nnrp decode of many packets', () => {
  it.each<[form: string, input: string | Buffer]>([
    ['bytes', Buffer.from(PING + PONG, 'hex')],
    ['hex', `${PING}\n${PONG}\n`],
    ['hex with colons', (PING + PONG).replaceAll(/(..)(?=.)/g, '$1:')],
    ['pcap', pcap([{ from: 1, to: 2, sequence: 1, payload: Buffer.from(PING + PONG, 'hex') }])],
  ])('gives a line for each, from %s on standard input and in a file', async (_, input) => {
    const file = join(folder, 'input');
    writeFileSync(file, input);
    for (const decoded of [
      await nnrp(['decode', '--names', '-'], input),
      await nnrp(['decode', '--names', '-f', file]),
    ]) {
      expect([decoded.code, decoded.stderr]).toEqual([0, '']);
      expect(lines(decoded.stdout).map(({ at, packet }) => `${at} ${packet.header.message_type_name}`)).toEqual([
        '0 ping',
        '40 pong',
      ]);
    }
  });

  it('says where one of them is wrong, and gives those before', async () => {
    const { code, stdout, stderr } = await nnrp(['decode', PING, PONG.slice(0, 20)]);
    expect([code, stderr]).toEqual([1, 'nnrp: byte 40: the input ends 10 bytes into a packet\n']);
    expect(lines(stdout)).toMatchObject([
      { at: 0, packet: {} },
      { at: 40, error: { kind: 'bad_input' } },
    ]);
  });

  it('shows typed payloads: text, JSON, or hex', async () => {
    const decodedOf = async (payload: Parameters<typeof encodePayloads>[0][0]) => {
      const { body, metadata } = encodePayloads([payload]);
      const named = {
        payload_kind_bitmap: metadata.payloadKindBitmap,
        payload_frame_count: metadata.payloadFrameCount,
      };
      const template = await nnrp(['decode', '-s', 'RESULT_PUSH', '00'.repeat(200)]);
      const fields = { ...JSON.parse(template.stdout.toString()), ...named };
      const header = { message_type: 'RESULT_PUSH', session_id: 1, frame_id: 1 };
      const encoded = await nnrp([
        'encode',
        JSON.stringify({ header, metadata: fields, body_hex: Buffer.from(joinBody(body)).toString('hex') }),
      ]);
      expect(encoded.stderr).toBe('');
      const decoded = await nnrp(['decode', '--payloads', '-'], encoded.stdout);
      expect(decoded.stderr).toBe('');
      return lines(decoded.stdout)[0]?.payloads;
    };
    expect(await decodedOf(tokenPayload('caf\u00e9'))).toEqual([
      { kind: 'token_chunk', partial: true, terminal: false, text: 'café' },
    ]);
    expect(await decodedOf(eventPayload({ a: [1] }))).toMatchObject([{ kind: 'structured_event', json: { a: [1] } }]);
    expect(await decodedOf(opaquePayload(Uint8Array.of(0xff, 1)))).toMatchObject([
      { kind: 'opaque_bytes', hex: 'ff01' },
    ]);
  });

  it('exits with 2 for --payloads with --struct, and with 1 for a file that is not there', async () => {
    expect((await nnrp(['decode', '--payloads', '-s', 'HEADER', PING])).code).toBe(2);
    const missing = await nnrp(['decode', '-f', join(folder, 'missing')]);
    expect([missing.code, missing.stderr]).toEqual([
      1,
      expect.stringContaining(`cannot read ${join(folder, 'missing')}: `),
    ]);
  });
});
