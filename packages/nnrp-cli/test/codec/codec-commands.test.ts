import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CliProcess, nnrp } from '../cli-process.js';

const PING = '4e4e5250010020280000000000000000000000000000000000000000000000000000000000000000';
const ACK_HEX = '02000000010000000000000000000000';
const ACK_JSON = '{"close_status":2,"last_operation_id":"1","session_error_code":0}';

describe('nnrp decode and nnrp encode', () => {
  it('decodes a packet and encodes it back', async () => {
    const decoded = await nnrp(['decode', PING]);
    expect(decoded.code).toBe(0);
    expect(JSON.parse(decoded.stdout.toString())).toMatchObject({
      header: { message_type: 32, trace_id: '0' },
      body_hex: '',
    });
    const encoded = await nnrp(['encode', '-'], decoded.stdout);
    expect(encoded).toMatchObject({ code: 0, stdout: Buffer.from(`${PING}\n`) });
  });

  it('ignores white space and 0x, in arguments and on standard input', async () => {
    const inParts = await nnrp([
      'decode',
      '-s',
      'session_close_ack',
      '0x02000000',
      '0100 0000',
      '0X00000000',
      '00000000',
    ]);
    expect(inParts.stdout.toString()).toBe(`${ACK_JSON}\n`);
    const piped = await nnrp(['decode', '-s', 'SESSION_CLOSE_ACK', '-'], '0x02000000\n01000000\n00000000\n00000000\n');
    expect(piped.stdout.toString()).toBe(`${ACK_JSON}\n`);
  });

  it('ignores a byte order mark on standard input', async () => {
    const decoded = await nnrp(['decode', '-s', 'SESSION_CLOSE_ACK', '-'], `\uFEFF${ACK_HEX}\n`);
    expect(decoded.stdout.toString()).toBe(`${ACK_JSON}\n`);
    const encoded = await nnrp(['encode', '-s', 'SESSION_CLOSE_ACK', '-'], `\uFEFF${ACK_JSON}\n`);
    expect(encoded.stdout.toString()).toBe(`${ACK_HEX}\n`);
  });

  it.each([
    ['decode --batch', ['decode', '--batch']],
    ['decode -', ['decode', '-']],
  ])('fails with a message when standard input of %s is a directory', async (_, args) => {
    const directory = openSync('.', 'r');
    const { code, stdout, stderr } = await new CliProcess('bin.js', args, {}, directory).ended;
    closeSync(directory);
    expect([code, stdout.toString()]).toEqual([1, '']);
    expect(stderr).toMatch(/^nnrp: cannot read standard input: [^\n]+\n$/);
  });

  it.each([
    ['text', '474554202f20', '"GET / ", which is HTTP'],
    ['a TLS record', '16030100c8010000', 'the bytes 16 03 01 00 c8 01 00 00, which is TLS'],
    ['anything', `58${PING.slice(2)}`, 'the bytes 58 4e 52 50'],
  ])('says that %s is no packet', async (_, hex, what) => {
    const { code, stderr } = await nnrp(['decode', hex]);
    expect(code).toBe(1);
    expect(stderr).toContain(`; a packet begins with NNRP (4e4e5250), and these bytes with ${what}`);
    // What begins like one is a packet with another fault, and a structure begins as it likes.
    expect((await nnrp(['decode', PING.slice(0, 20)])).stderr).not.toContain('begins with');
    expect((await nnrp(['decode', '-s', 'SESSION_CLOSE_ACK', hex])).stderr).not.toContain('begins with');
  });

  it('goes on with a batch after an id that is nested too deeply', async () => {
    const deep = '['.repeat(200_000) + ']'.repeat(200_000);
    const line = (id: string) => `{"id":${id},"struct":"SESSION_CLOSE_ACK","hex":"${ACK_HEX}"}\n`;
    const { code, stdout, stderr } = await nnrp(['decode', '--batch'], line(deep) + line('2'));
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.toString().split('\n')).toEqual([
      '{"id":null,"error":{"kind":"bad_request","message":"id is nested too deeply"}}',
      `{"id":2,"fields":${ACK_JSON}}`,
      '',
    ]);
  });

  it('adds names, and prints over several lines', async () => {
    const { stdout } = await nnrp(['decode', '--names', '--pretty', '-s', 'SESSION_CLOSE_ACK', ACK_HEX]);
    expect(stdout.toString()).toContain('\n  "close_status": 2,\n  "close_status_name": "closed",\n');
  });

  it.each([
    ['refused bytes', ['decode', PING.slice(2)], { kind: 'source_too_short', expected: 40, actual: 39 }],
    ['no hex', ['decode', '4e4g'], { kind: 'bad_request', message: 'hex: "g" at digit 4 is not a hex digit' }],
    [
      'a key that stands twice',
      ['encode', '-s', 'TRANSPORT_PROBE', '{"probe_id":1,"probe_id":2}'],
      { kind: 'bad_request', message: 'probe_id: stands twice' },
    ],
    [
      'refused values',
      ['encode', '-s', 'SESSION_CLOSE_ACK', ACK_JSON.replace('2', '9')],
      { kind: 'unknown_enum_value', enum: 'close_status', value: 9 },
    ],
    ['a missing field', ['encode', '-s', 'TRANSPORT_PROBE', '{}'], { kind: 'missing_field', field: 'probe_id' }],
  ])('prints the error as JSON, one line for people, and exits with 1 for %s', async (_, args, error) => {
    const { code, stdout, stderr } = await nnrp(args);
    expect(code).toBe(1);
    expect(JSON.parse(stdout.toString())).toStrictEqual({ error });
    expect(stderr).toMatch(/^nnrp: [^\n]+\n$/);
  });

  it.each([
    ['an unknown structure', ['decode', '-s', 'NOTHING', '00']],
    ['no input', ['encode']],
    ['an unknown option', ['decode', '--wrong']],
    ['an unknown command', ['wrong']],
    ['no command', []],
    ['arguments beside --batch', ['decode', '--batch', '00']],
  ])('exits with 2 for %s', async (_, args) => {
    expect((await nnrp(args)).code).toBe(2);
  });

  it('shows help and version', async () => {
    const help = await nnrp(['decode', '--help']);
    expect([help.code, help.stdout.toString()]).toEqual([0, expect.stringContaining('Examples:')]);
    expect((await nnrp(['--version'])).stdout.toString()).toMatch(/^\d+\.\d+\.\d+\S*\n$/);
  });

  it('ends quietly when the reader of a batch goes away', async () => {
    const batch = new CliProcess('bin.js', ['decode', '--batch']);
    batch.child.stdin!.write('{"id":1,"struct":"HEADER","hex":""}\n');
    await batch.printed(/"id":1/);
    batch.child.stdout!.destroy();
    const ended = once(batch.child, 'close');
    batch.child.stdin!.write('{"id":2,"struct":"HEADER","hex":""}\n'.repeat(10_000));
    expect(await ended).toEqual([0, null]);
    expect((await batch.finish()).stderr).toBe('');
  });
});
