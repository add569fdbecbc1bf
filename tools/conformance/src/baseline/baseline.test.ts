import * as preview3 from 'nnrp-core/preview3';
import { beforeAll, describe, expect, it } from 'vitest';
import { BASELINE_CASES } from './baseline-cases.js';
import { BASELINE_ENTRIES, CLAIMED_TOKENS, UNCLAIMED_TOKENS } from './baseline-entries.js';
import { changing, changingHeader, doubling, omitting, risingEpochs, SILENT, WRONG_OPENING } from './lies.js';
import { type Lie, NO_LIE } from './lying-proxy.js';
import { type BaselineReport, reportOf, summaryOf } from './report.js';
import { runCases } from './run-cases.js';

const { MessageType } = preview3;
/** Milliseconds that a case may wait for what a liar does not say. */
const IMPATIENT_MS = 200;

describe('the report', () => {
  let report: BaselineReport;
  beforeAll(async () => {
    report = reportOf(await runCases());
  });

  it('has exactly the 66 ids of the baseline, each with one check', () => {
    const ids = BASELINE_ENTRIES.map(({ id }) => id);
    expect(new Set(ids).size).toBe(66);
    expect(report.results.map(({ id }) => id)).toEqual(ids);
    expect(BASELINE_CASES.map(({ id }) => id).sort()).toEqual([...ids].sort());
    const perStatus = (status: string) => BASELINE_ENTRIES.filter((entry) => entry.status === status).length;
    expect([perStatus('M'), perStatus('O'), perStatus('X')]).toEqual([18, 39, 9]);
    for (const { id, level } of BASELINE_ENTRIES) expect(id.slice(0, 2).toUpperCase()).toBe(level);
  });

  it('has no failure, and claims every case', () => {
    expect(report.results.filter(({ outcome }) => outcome === 'fail')).toEqual([]);
    const notClaimed = report.results.filter(({ outcome }) => outcome === 'not_claimed').map(({ id }) => id);
    expect(notClaimed).toEqual([]);
    expect(summaryOf(report.results)).toBe('66 pass, 0 fail, 0 not claimed');
  });

  it('tells of every case what was done, with at least two assertions', () => {
    for (const { id, checks, exercised } of report.results) {
      expect.soft(checks, id).toBeGreaterThanOrEqual(2);
      expect.soft(exercised.length, id).toBeGreaterThan(60);
    }
  });

  it('names the revision, what was tested and the tokens that are claimed', () => {
    expect(report.revision).toBe('NNRP/1-preview3');
    expect(Object.keys(report.implementation)).toEqual(['nnrp-core', 'nnrp-runtime', 'node']);
    expect(report.claimedTokens).toEqual(CLAIMED_TOKENS);
    for (const token of UNCLAIMED_TOKENS) expect(report.claimedTokens).not.toContain(token);
  });
});

describe('the checks', () => {
  it('are different from each other', () => {
    expect(new Set(BASELINE_CASES.map(({ run }) => run.toString())).size).toBe(66);
    expect(new Set(BASELINE_CASES.map(({ exercised }) => exercised)).size).toBe(66);
  });

  it('give a reason for not being claimed only where a token is not claimed', () => {
    for (const { id, notClaimed } of BASELINE_CASES) {
      const tokens = BASELINE_ENTRIES.find((entry) => entry.id === id)?.tokens ?? [];
      if (notClaimed === undefined) continue;
      expect(
        tokens.some((token) => UNCLAIMED_TOKENS.includes(token)),
        id,
      ).toBe(true);
    }
  });

  it('hold through the proxy of the liars when it tells the truth', async () => {
    const results = await runCases({ lie: NO_LIE });
    expect(results.filter(({ outcome }) => outcome === 'fail')).toEqual([]);
  });

  it('fail, every one, for an implementation that opens sessions and then says nothing', async () => {
    const survivors = (await runCases({ lie: SILENT, patienceMs: IMPATIENT_MS })).filter(
      ({ outcome }) => outcome !== 'fail',
    );
    // What is left is about opening alone; a wrong bit in an open or its answer is what they are to find.
    const wrong = await Promise.all(survivors.map(({ id }) => runCases({ only: id, lie: WRONG_OPENING })));
    expect(wrong.flat().filter(({ outcome }) => outcome !== 'fail')).toEqual([]);
    expect(survivors.length).toBeLessThan(6);
  });

  it.each<[id: string, what: string, lie: Lie]>([
    ['l0.header.roundtrip.basic', 'loses trace ids', losingTrace()],
    ['l0.session_close_ack.metadata.golden', 'confirms another watermark', at(MessageType.SessionCloseAck, 4, 9)],
    ['l0.flow_update.packet.golden', 'does not number its updates', at(MessageType.FlowUpdate, 24, 0)],
    ['l1.session.open.fixed_metadata.validation', 'refuses without a code', at(MessageType.SessionOpenAck, 48, 0)],
    ['l1.session.resume.rejected.validation', 'refuses for another reason', at(MessageType.SessionOpenAck, 48, 7)],
    [
      'l1.session.resume.from_operation.validation',
      'answers twice what it sends again',
      doubling(MessageType.ResultPush),
    ],
    [
      'l1.session.resume.from_operation.validation',
      'goes on under another status',
      at(MessageType.SessionOpenAck, 7, 0),
    ],
    ['l1.session.close.state_machine.validation', 'drains without a word', omitting(MessageType.ResultDrop)],
    ['l1.connection.session_container.parallel_open.validation', 'mixes sessions up', mixingSessions()],
    ['l1.frame_submit.tensor.inline.routing.validation', 'mixes sessions up', mixingSessions()],
    ['l1.result_push.basic.terminal.validation', 'answers twice', doubling(MessageType.ResultPush)],
    ['l1.flow_update.credit_epoch.monotonicity.validation', 'never looks at epochs', risingEpochs()],
    ['l1.flow_update.connection.scope.validation', 'ignores credit', omitting(MessageType.FlowUpdate, 'theirs')],
    ['l1.operation.cancel_scope.validation', 'forgets a frame', omitting(MessageType.ResultDrop, 'ours', 6)],
    ['l1.token_profile.partial.validation', 'marks nothing partial', at(MessageType.ResultPush, 44, 0)],
    ['l1.cache.object_version.monotonicity.validation', 'never replaces', at(MessageType.CacheAck, 12, 0)],
    ['l1.cache.error_code.cache_miss.validation', 'has another code', at(MessageType.Error, 0, 0x0a)],
    ['l1.schema.registry.invalidate_conflict.validation', 'takes every schema', at(MessageType.CacheAck, 12, 0)],
    ['l2.schema.registry.error_mapping.critical_unknown.validation', 'has another code', at(MessageType.Error, 0, 2)],
    ['l3.transport.tcp.minimum', 'changes a byte of a body', at(MessageType.ResultPush, 64, 0xff)],
  ])('%s fails for one that %s', async (id, _what, lie) => {
    const [truth] = await runCases({ only: id, lie: NO_LIE });
    expect(truth).toMatchObject({ id, outcome: 'pass' });
    const [result] = await runCases({ only: id, lie, patienceMs: IMPATIENT_MS });
    expect(result).toMatchObject({ id, outcome: 'fail' });
    expect(result?.failure).toBeTruthy();
  });
});

/** Writes one byte into the metadata (or, past its end, the body) of a message. */
function at(messageType: number, offset: number, value: number): Lie {
  return changing([messageType], (metadata) => {
    if (offset < metadata.byteLength) metadata.setUint8(offset, value);
  });
}

function losingTrace(): Lie {
  return changingHeader([MessageType.ResultPush], (header) => header.setUint32(32, 0, true));
}

function mixingSessions(): Lie {
  const types = [MessageType.ResultPush, MessageType.ResultDrop];
  return changingHeader(types, (header) => header.setUint32(20, header.getUint32(20, true) ^ 3, true));
}
