import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { closeFrame, frame, message } from '../../../nnrp-transport-websocket/test/bare-stream.js';
import { nnrp, serving } from '../cli-process.js';

const folder = mkdtempSync(join(tmpdir(), 'nnrp-capture-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const PING = Buffer.from('4e4e5250010020280000000000000000000000000000000000000000000000000000000000000000', 'hex');

describe('nnrp decode of a capture', () => {
  it('reads what nnrp serve and nnrp submit say to each other, in both directions', async () => {
    const { server, address } = await serving('--listen', 'ws://127.0.0.1:0/nnrp');
    const { port } = new URL(address);
    const directions: [Buffer[], Buffer[]] = [[], []];
    const recorder = createServer((socket) => {
      const onward = connect(Number(port), '127.0.0.1');
      socket.on('data', (chunk) => directions[0].push(chunk)).pipe(onward);
      onward.on('data', (chunk) => directions[1].push(chunk)).pipe(socket);
      for (const each of [socket, onward]) each.on('error', () => {});
    });
    await new Promise<void>((resolve) => recorder.listen(0, '127.0.0.1', resolve));
    const to = `ws://127.0.0.1:${(recorder.address() as AddressInfo).port}/nnrp`;
    expect((await nnrp(['submit', '--to', to, 'hello'])).code).toBe(0);
    await server.stop();
    recorder.close();
    for (const [index, start] of [/^GET \/nnrp HTTP/, /^HTTP\/1.1 101/].entries()) {
      const capture = file('live.bin', Buffer.concat(directions[index]!));
      const { code, stdout, stderr } = await nnrp(['decode', '--file', capture]);
      expect([code, stderr]).toEqual([0, '']);
      const [http, ...frames] = lines(stdout);
      expect(http.http.start).toMatch(start);
      expect(frames.length).toBeGreaterThan(3);
      expect(frames.every((each) => each.frame.masked === (index === 0))).toBe(true);
      expect(JSON.stringify(frames)).toContain(Buffer.from('hello').toString('hex'));
      expect(frames.at(-1)).toMatchObject({ frame: { opcode_name: 'close' }, close: { code: 1000 } });
    }
  });

  it('reads hex in arguments, hex in a file, and bytes on standard input', async () => {
    const capture = Buffer.concat([message(PING), closeFrame(1000, '', false)]);
    const hex = capture.toString('hex').replace(/(.{32})/g, '$1\n');
    const answers = [
      await nnrp(['decode', hex]),
      await nnrp(['decode', '-f', file('hex.txt', hex)]),
      await nnrp(['decode', '-'], capture),
    ];
    const [first] = answers;
    expect([first!.code, lines(first!.stdout)]).toMatchObject([0, [{ packet: {} }, { close: { code: 1000 } }]]);
    for (const answer of answers) expect(answer).toEqual(first);
  });

  it('tells of the first fault in one line, and exits with 1', async () => {
    const text = frame(0x81, Buffer.from('\u001b[2J'), true);
    const { code, stdout, stderr } = await nnrp(['decode', '-'], Buffer.concat([text, text, Buffer.of(0x82)]));
    expect(code).toBe(1);
    expect(stderr).toBe('nnrp: message at byte 0: expected a binary message, got a text message; 2 more\n');
    expect(lines(stdout)).toMatchObject([{ text: '\u001b[2J' }, {}, { error: { at: 20, actual: '1 byte' } }]);
    expect(stdout.includes(0x1b)).toBe(false);
  });

  it('takes bytes that do not begin like one for one when it is told to', async () => {
    const rest = frame(0, PING.subarray(4), false);
    expect((await nnrp(['decode', rest.toString('hex')])).stderr).toContain('a packet begins with NNRP');
    const { code, stdout } = await nnrp(['decode', '--websocket', rest.toString('hex')]);
    expect([code, lines(stdout)]).toMatchObject([1, [{ error: { actual: 'a continuation without a message' } }]]);
  });

  it('adds names, and prints over several lines', async () => {
    const { stdout } = await nnrp(['decode', '--names', '--pretty', message(PING).toString('hex')]);
    expect(stdout.toString()).toContain('\n    "opcode_name": "binary",\n');
    expect(stdout.toString()).toContain('"message_type_name": "ping"');
  });

  it('reads a packet of bytes, too', async () => {
    const { code, stdout } = await nnrp(['decode', '--file', file('packet.bin', PING)]);
    expect([code, JSON.parse(stdout.toString())]).toMatchObject([0, { header: { message_type: 32 } }]);
  });

  it.each([
    [['decode', '--file', join(folder, 'missing')], 1, 'cannot read'],
    [['decode', '--file', folder], 1, 'cannot read'],
    [['decode', '--file', 'x', '00'], 2, 'not both'],
    [['decode', '--websocket', '--struct', 'HEADER', '00'], 2, '--websocket means nothing with --struct'],
    [['decode', '--batch', '--file', 'x'], 2, '--batch takes neither'],
    [['decode', '--websocket', ''], 1, 'got no bytes'],
    [['decode', '--websocket', 'xyz'], 1, 'is not a hex digit'],
  ])('refuses %j', async (args, code, message) => {
    expect(await nnrp(args)).toMatchObject({ code, stderr: expect.stringContaining(message) });
  });
});

// biome-ignore lint/suspicious/noExplicitAny: JSON of which the tests look at parts
function lines(stdout: Buffer): any[] {
  return stdout
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

function file(name: string, content: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}
