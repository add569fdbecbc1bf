import { describe, expect, it } from 'vitest';
import { MESSAGE_CASES } from './lint-cases-of-messages.js';
import { PACKET_CASES } from './lint-cases-of-packets.js';
import { ENUMS, FILES, PING, problemsOf } from './lint-samples.js';

/*
 * Each case edits a correct pair of schemas. The mark « in the edit stands where the complaint must point to: file,
 * line and column are read off it.
 */
const CASES = [...MESSAGE_CASES, ...PACKET_CASES];

describe('schema lints', () => {
  it('accept the schemas that the cases start from', () => {
    expect(problemsOf(FILES)).toEqual([]);
  });

  it.each(CASES)('report %s with its place', (_, file, from, to, message) => {
    expect(FILES[file].split(from), 'the edit fits one place').toHaveLength(2);
    const marked = FILES[file].replace(from, () => to);
    const before = marked.slice(0, Math.max(0, marked.indexOf('«'))).split('\n');
    const line = marked.includes('«') ? `${before.length}:${before.at(-1)!.length + 1}` : '\\d+:\\d+';
    const problems = problemsOf({ ...FILES, [file]: marked.replace('«', '') });
    const place = new RegExp(`^spec/test/${file}:${line}: `);
    const found = problems.filter((problem) => place.test(problem) && problem.includes(message));
    expect(found, `problems were: ${problems.join(' | ')}`).toHaveLength(1);
  });

  it('report two structures with one wire name', () => {
    const pong = PING.replace('id: ping', 'id: pong');
    expect(problemsOf({ ...FILES, 'pong.ksy': pong })).toEqual([
      "spec/test/pong.ksy:9:16: wire-name 'PING' is also that of ping",
    ]);
  });

  it('report exported names and modules that clash', () => {
    const structs = {
      ...FILES,
      'ping_view.ksy': PING.replace('id: ping', 'id: ping_view').replace(': PING', ': VIEW'),
    };
    expect(problemsOf(structs)).toEqual([
      "spec/test/ping_view.ksy:1:1: schema ping_view: the name 'PingView' belongs to schema ping",
    ]);
    const enums = { ...FILES, 'color.ksy': PING.replace('id: ping', 'id: color').replace(': PING', ': COLOR') };
    expect(problemsOf(enums)).toEqual([
      "spec/test/color.ksy:1:1: schema color: the name 'Color' belongs to enum color",
    ]);
    const named = {
      ...FILES,
      'color_name.ksy': PING.replace('id: ping', 'id: color_name').replace(': PING', ': NAME'),
    };
    expect(problemsOf(named)).toEqual([
      "spec/test/color_name.ksy:1:1: schema color_name: the name 'ColorName' belongs to enum color",
    ]);
    const modules = { ...FILES, 'flags.ksy': PING.replace('id: ping', 'id: flags').replace(': PING', ': FLAGS') };
    expect(problemsOf(modules)).toEqual(["spec/test/flags.ksy:1:1: schema flags: the module 'flags' is taken"]);
  });

  it('report an enum or flags wider than the field that has them', () => {
    const wide = ENUMS.replace('    1:\n      id: blue', '    0x100:\n      id: blue');
    expect(problemsOf({ ...FILES, 'nnrp_enums.ksy': wide })).toEqual([
      "spec/test/ping.ksy:23:11: field color: 256 of enum 'color' does not fit u1",
    ]);
    const flags = PING.replace(
      'doc: Count.\n    doc-ref: section 2',
      'doc: Count.\n    doc-ref: section 2\n    -nnrp: {flags: ping_flags}',
    );
    const wideFlags = ENUMS.replace('    0x02:', '    0x10000:');
    expect(problemsOf({ ...FILES, 'ping.ksy': flags, 'nnrp_enums.ksy': wideFlags })).toContain(
      "spec/test/ping.ksy:37:20: field count: 65536 of flag set 'ping_flags' does not fit u2",
    );
  });

  it('report the checks of messages without metadata that differ from the table', () => {
    const enums = ENUMS.replace('        metadata: ping\n', '').replace(
      'body: none',
      'body: none\n        header-only: CTRL-1',
    );
    const problems = problemsOf({ ...FILES, 'nnrp_enums.ksy': enums });
    expect(problems).toEqual([
      "spec/test/nnrp_packet.ksy:31:9: cases: the message table has no metadata for 'ping'",
      "spec/test/nnrp_packet.ksy:36:12: expected_meta_len: the message table has no metadata for 'ping'",
      "spec/test/nnrp_packet.ksy:1:1: schema: no check with 'if' for CTRL-1",
      "spec/test/nnrp_packet.ksy:19:9: check_body_none: 'ping' does not belong there by the message table",
    ]);
  });

  it('report every problem at once', () => {
    const ping = PING.replace("'0.11'", '0.11').replace('    doc: Count.\n', '').replace('repeat', 'x');
    const enums = ENUMS.replace('      doc: Blue.\n', '');
    expect(problemsOf({ ...FILES, 'ping.ksy': ping, 'nnrp_enums.ksy': enums })).toHaveLength(3);
  });
});
