import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as preview3 from 'nnrp-core/preview3';
import * as preview4 from 'nnrp-core/preview4';
import { afterAll, describe, expect, it } from 'vitest';
import { requireFreshBuilds } from '../../fresh-build.mjs';
import { CARRIERS, type Conversation, conversation, ROLES, STATES, type Step } from '../src/conversation.js';
import { baseOf, isPong, volley } from '../src/hostile/volley.js';
import { Dice } from '../src/samples/dice.js';
import { mutate, placesOf } from '../src/samples/mutation.js';
import { REVISIONS, samplesOf } from '../src/samples/samples-of.js';
import { shrink } from '../src/shrink.js';
import { Violations } from '../src/watch.js';

/** The fuzzer runs as a process: what it plants, and what it finds, must not be in this one. It is the built one. */
const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const FOUND = fileURLToPath(new URL('./found', import.meta.url));
const APPETITE = { revision: 'preview3', roles: ROLES, carriers: CARRIERS } as const;
/** Every message of every revision. */
const ALL = REVISIONS.flatMap((revision) => samplesOf(revision).names.map((name) => [revision, name] as const));
const CODECS = { preview3, preview4 };
const scratch = mkdtempSync(join(tmpdir(), 'nnrp-fuzz-test-'));
afterAll(() => rmSync(scratch, { recursive: true }));

function run(...args: string[]): Promise<{ readonly code: number; readonly out: string }> {
  requireFreshBuilds('packages/nnrp-core', 'packages/nnrp-runtime', 'packages/nnrp-transport-quic', 'tools/fuzz');
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], { maxBuffer: 64 * 1024 * 1024 }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), out: out + err });
    });
  });
}

describe('conversations', () => {
  it('are the same for the same seed, and others for another', () => {
    const of = (seed: number) => Array.from({ length: 20 }, (_, number) => conversation(seed, number, APPETITE));
    expect(of(1)).toEqual(of(1));
    expect(of(1)).not.toEqual(of(2));
  });

  it('survive a file', () => {
    const talk = conversation(1, 1, APPETITE);
    expect(JSON.parse(JSON.stringify(talk))).toEqual(talk);
  });

  it('lead to every state of every role', () => {
    for (const role of ROLES) {
      const talks = Array.from({ length: 200 }, (_, number) => conversation(3, number, { ...APPETITE, roles: [role] }));
      const states = new Set(
        talks.flatMap(({ steps }) => steps.flatMap((step) => (step.do === 'reach' ? [step.state] : []))),
      );
      expect([...states].sort()).toEqual([...STATES[role]].sort());
    }
  });
});

describe('what has been seen', () => {
  it('is kept of every kind, however often one of them comes', () => {
    const violations = new Violations();
    for (let times = 0; times < 1000; times++) violations.add('internalError', new Error(`number ${times}`));
    violations.add('healthy client', 'got no answer');
    const seen = violations.take();
    expect(seen.filter(({ kind }) => kind === 'internalError')).toHaveLength(5);
    expect(seen.at(-1)).toEqual({ kind: 'healthy client', detail: 'got no answer' });
    expect(violations.take()).toEqual([]);
  });
});

describe('samples', () => {
  it.each(ALL)('of %s %s are valid packets', (revision, name) => {
    const dice = new Dice(1);
    for (let times = 0; times < 50; times++) {
      const packet = samplesOf(revision).of(name, { sessionId: 5, frameId: 7 }, dice);
      expect(() => CODECS[revision].decodePacket(packet)).not.toThrow();
    }
  });
});

describe('mutants', () => {
  it.each(ALL)('change every byte of the metadata of %s %s', (revision, name) => {
    const samples = samplesOf(revision);
    const places = placesOf(samples.named(name), samples);
    const covered = places.flatMap(({ at, bytes }) => Array.from({ length: bytes }, (_, index) => at + index));
    const all = Array.from({ length: samples.named(name).metadataBytes }, (_, index) => 40 + index);
    expect(covered).toEqual(all);
  });

  it.each(REVISIONS)('break every rule of header and metadata of %s', (revision) => {
    const samples = samplesOf(revision);
    const dice = new Dice(1);
    const kinds = new Set<string>();
    for (let times = 0; times < 20_000; times++) {
      const name = dice.of(samples.names);
      const { bytes } = mutate(samples.of(name, { sessionId: 5, frameId: 7 }, dice), name, samples, dice, 0.3);
      try {
        CODECS[revision].decodePacket(bytes);
      } catch (error) {
        kinds.add((error as { fault: { kind: string } }).fault.kind);
      }
    }
    for (const kind of [
      'source_too_short',
      'invalid_magic',
      'unsupported_version_major',
      'unsupported_wire_format',
      'invalid_header_length',
      'reserved_bits_set',
      'unknown_message_type',
      'nonzero_reserved_field',
      'unknown_enum_value',
      'invalid_combination',
    ]) {
      expect(kinds, kind).toContain(kind);
    }
  });
});

describe('volleys over sockets', () => {
  it('are the same for the same seed, and others for another', () => {
    const of = (seed: number) => {
      const dice = new Dice(seed);
      return Array.from({ length: 20 }, () => Buffer.from(volley(dice, baseOf(1), 'open').bytes).toString('hex'));
    };
    expect(of(1)).toEqual(of(1));
    expect(of(1)).not.toEqual(of(2));
  });

  it('begin with a session and end with a PING, behind which nothing is hidden', () => {
    const { bytes } = volley(new Dice(1), baseOf(1), 'open');
    expect(bytes[6]).toBe(preview3.MessageType.SessionOpen);
    expect(preview3.decodePacket(bytes.slice(-40)).messageType).toBe(preview3.MessageType.Ping);
    expect(isPong(preview3.MessageType.Pong)).toBe(true);
  });
});

describe('a conversation that fails', () => {
  it('shrinks to what it takes', async () => {
    const say = (name: string): Step => ({ do: 'say', name, hex: '' });
    const steps = Array.from({ length: 60 }, (_, index) => say(`${index}`));
    const talk: Conversation = { role: 'server', carrier: 'duplex', style: 'serve', seed: 1, steps };
    const needed = ['7', '31', '32'];
    const names = ({ steps }: Conversation) => steps.map((step) => (step.do === 'say' ? step.name : ''));
    const shortest = await shrink(talk, async (candidate) => needed.every((name) => names(candidate).includes(name)));
    expect(names(shortest)).toEqual(needed);
  });

  it.each(readdirSync(FOUND))('does not fail any more: %s', async (file) => {
    const { code, out } = await run('--replay', join(FOUND, file));
    expect(out).toContain('replay: nothing happened');
    expect(code).toBe(0);
  });

  it('ends a run with an exit code, and is replayed from its file', async () => {
    const file = join(scratch, 'valid.json');
    writeFileSync(
      file,
      JSON.stringify({ ...conversation(1, 0, APPETITE), steps: [{ do: 'reach', state: 'nowhere' }] }),
    );
    expect((await run('--replay', file)).out).toContain('reach nowhere');
    expect((await run('--packets', 'many')).code).toBe(2);
  });
});

describe('planted faults', () => {
  it('are all found, cost a connection at most, and leave nothing behind', { timeout: 600_000 }, async () => {
    const { code, out } = await run('--planted');
    expect(out.split('\n').filter((line) => line.startsWith('FAIL'))).toEqual([]);
    expect(out.match(/^PASS /gm)?.length).toBeGreaterThan(150);
    expect(code).toBe(0);
  });
});
