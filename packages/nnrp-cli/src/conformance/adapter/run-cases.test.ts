import { describe, expect, it } from 'vitest';
import { SuiteFileError } from '../json-file.js';
import { readAdapterPlan } from './adapter-plan.js';
import { ADAPTER_CASES } from './cases.js';
import { runCases } from './run-cases.js';

/** The parameters that the suite has frozen. */
const FROZEN: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'l0.header.fixed_shape.golden': {
    header_hex: '4e4e525001001028210000003000000000100000070000000b0000000200000015cd5b0700000000',
  },
  'l0.control.client_hello.golden': {
    metadata_hex:
      '01010100010000000100000003000000030000002100000003000000010007000100020040000000000001007017640002000000000000006000000000000000',
  },
  'l0.control.session_patch_ack.golden': {
    metadata_hex: '010003001100000044000000000000000200000028230000680105000300000000000000010000000300000010000000',
  },
  'l0.flow_update.packet.golden': {
    packet_hex:
      '4e4e5250010017280000000020000000000000001500000000000000000006000d000000000000000104020000000100000000000000000000000000280000000500000003000000',
  },
  'l0.result_hint.packet.golden': {
    packet_hex:
      '4e4e525001001828000000001000000000000000150000002f010000000007000e000000000000000300000003000000030000003c000000',
  },
  'l0.frame_submit.metadata.golden': {
    metadata_hex:
      '80026801200020005400020001020000640070170700000000000000c000000000000000000000000807060504030201000000000205ff0003000000290000001100000002000000',
  },
  'l0.result_push.metadata.golden': {
    metadata_hex:
      '0000050001005400020000004b0302004e030000000000001000000000000000000000000000000000000000010100002900000035001f000300000003000000',
  },
  'l0.body_region.prelude.golden': {
    metadata_hex: '1800000018000000180000000e00000010000000050000000000000000000000',
  },
  'l0.object_reference.block.golden': { metadata_hex: '020000000700000044332211000000008877665500000000' },
  'l0.typed_payload.descriptor.golden': { descriptor_hex: '10000300040000000700000000000000' },
  'l0.typed_payload.frame_regions.golden': {
    descriptor_region_hex:
      '020001000000000003000000000000000400020003000000020000000000000008000300050000000500000000000000100004000a0000000300000000000000',
    payload_hex: '746f6b6175766964656f657674',
  },
  'l0.typed_payload.descriptor.current.golden': {
    descriptor_hex: '020002020110000003000000020000000800000018000000',
  },
};

function plan(cases: readonly object[]) {
  return { protocol_version: 'nnrp-1-preview4', suite_version: '0.1.0', implementation_name: 'nnrp-typescript', cases };
}

async function outcome(id: string, parameters?: unknown) {
  const { results } = await runCases(
    readAdapterPlan(plan([{ id, ...(parameters !== undefined && { parameters }) }]), 'plan'),
  );
  return results[0];
}

/** A byte of hex, changed. */
function altered(hex: string, byte: number): string {
  const changed = (Number.parseInt(hex.slice(2 * byte, 2 * byte + 2), 16) ^ 0x01).toString(16).padStart(2, '0');
  return hex.slice(0, 2 * byte) + changed + hex.slice(2 * byte + 2);
}

describe('the adapter suite', () => {
  it('has 34 cases', () => {
    expect(ADAPTER_CASES.size).toBe(34);
  });

  it.each([...ADAPTER_CASES.keys()])('passes %s', async (id) => {
    expect(await outcome(id, FROZEN[id])).toEqual({ id, outcome: 'pass' });
  });

  it('keeps the identity of the plan, and the order of its cases', async () => {
    const ids = ['l1.control.supersede', 'l9.unknown', 'l1.object.delta'];
    expect(await runCases(readAdapterPlan(plan(ids.map((id) => ({ id }))), 'plan'))).toEqual({
      protocol_version: 'nnrp-1-preview4',
      implementation_name: 'nnrp-typescript',
      results: [
        { id: 'l1.control.supersede', outcome: 'pass' },
        { id: 'l9.unknown', outcome: 'error', failure_kind: 'not_implemented', message: 'this case is not known' },
        { id: 'l1.object.delta', outcome: 'pass' },
      ],
    });
  });

  describe.each(Object.entries(FROZEN))('%s', (id, parameters) => {
    const [[name = '', hex = ''] = []] = Object.entries(parameters);

    it('fails for each byte that is another', async () => {
      for (let byte = 0; byte < hex.length / 2; byte++) {
        const result = await outcome(id, { ...parameters, [name]: altered(hex, byte) });
        expect(result, `byte ${byte}`).toMatchObject({ outcome: 'fail', failure_kind: 'assertion_failed' });
      }
    });

    it.each([
      ['none', {}],
      ['one more', { ...parameters, hidden_default: true }],
      ['another name', { ...parameters, [name]: undefined, other_hex: hex }],
      ['no object', 'hex'],
    ])('fails with %s of its parameters', async (_, given) => {
      const json = JSON.parse(JSON.stringify(given)) as unknown;
      expect(await outcome(id, json)).toMatchObject({ outcome: 'fail', failure_kind: 'invalid_frozen_parameters' });
    });

    it.each([['not-hex'], [''], [hex.slice(2)], [`${hex}00`], [7]])('fails with %j', async (value) => {
      expect(await outcome(id, { ...parameters, [name]: value })).toMatchObject({ outcome: 'fail' });
    });
  });

  it('takes null for no parameters', async () => {
    const id = 'l1.control.cancel-abort';
    expect(await outcome(id, null)).toEqual({ id, outcome: 'pass' });
    expect(await outcome(id, 'null')).toMatchObject({ outcome: 'fail', failure_kind: 'invalid_frozen_parameters' });
  });

  it('fails a case that takes no parameters and gets some', async () => {
    expect(await outcome('l1.control.cancel-abort', { hidden_default: true })).toMatchObject({
      outcome: 'fail',
      failure_kind: 'invalid_frozen_parameters',
      message: 'parameters: expected none, got hidden_default',
    });
  });

  it('fails where the bytes behind a prefix differ', async () => {
    const id = 'l0.typed_payload.frame_regions.golden';
    const frozen = FROZEN[id]!;
    expect(await outcome(id, { ...frozen, payload_hex: `${frozen['payload_hex']}00` })).toMatchObject({
      outcome: 'fail',
    });
  });
});

describe('a plan', () => {
  it.each([
    ['another revision', { ...plan([]), protocol_version: 'nnrp-1-preview3' }, /expected nnrp-1-preview4/],
    ['no name', { ...plan([]), implementation_name: '' }, /implementation_name: expected a text/],
    ['no cases', { ...plan([]), cases: undefined }, /cases: expected a list of objects/],
    ['a case that is none', plan([null as never]), /cases: expected a list of objects/],
    ['a case without an id', plan([{}]), /case 1: id: expected a text/],
  ])('is refused with %s', (_, given, message) => {
    expect(() => readAdapterPlan(given, 'plan')).toThrow(message);
    expect(() => readAdapterPlan(given, 'plan')).toThrow(SuiteFileError);
  });
});
