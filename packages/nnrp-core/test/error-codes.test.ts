import { readFileSync } from 'node:fs';
import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  type ApplicationErrorCode,
  CancelledError,
  DeadlineError,
  isNnrpError,
  type NnrpError,
  type NnrpErrorCode,
  PeerError,
  UsageError,
  WireError,
  type WireErrorCode,
} from '../src/index.js';

/** The compiler refuses this list when it lacks a code, and when it has one too many. */
const CODES = {
  NNRP_ERR_CANCELLED: true,
  NNRP_ERR_CANCELLED_BY_SERVER: true,
  NNRP_ERR_CLOSED: true,
  NNRP_ERR_CLOSE_REJECTED: true,
  NNRP_ERR_DEADLINE: true,
  NNRP_ERR_DECLARED_LENGTH_MISMATCH: true,
  NNRP_ERR_DESTINATION_TOO_SHORT: true,
  NNRP_ERR_FIELD_OUT_OF_RANGE: true,
  NNRP_ERR_FLOW_BLOCKED: true,
  NNRP_ERR_HANDLER_FAILED: true,
  NNRP_ERR_INVALID_CAPABILITY_BODY: true,
  NNRP_ERR_INVALID_CAPABILITY_TOKEN: true,
  NNRP_ERR_INVALID_COMBINATION: true,
  NNRP_ERR_INVALID_HEADER_ID: true,
  NNRP_ERR_INVALID_HEADER_LENGTH: true,
  NNRP_ERR_INVALID_MAGIC: true,
  NNRP_ERR_INVALID_RECOVERY_TICKET: true,
  NNRP_ERR_IN_FLIGHT_LIMIT: true,
  NNRP_ERR_MESSAGE_LENGTH_OVERFLOW: true,
  NNRP_ERR_METADATA_LENGTH_MISMATCH: true,
  NNRP_ERR_NONZERO_RESERVED_FIELD: true,
  NNRP_ERR_PACKET_LENGTH_MISMATCH: true,
  NNRP_ERR_PACKET_TOO_LARGE: true,
  NNRP_ERR_PEER: true,
  NNRP_ERR_PROTOCOL: true,
  NNRP_ERR_RESERVED_BITS_SET: true,
  NNRP_ERR_RESULT_DROPPED: true,
  NNRP_ERR_RESULT_TOO_LARGE: true,
  NNRP_ERR_RETRY_LATER: true,
  NNRP_ERR_SERVER_BUSY: true,
  NNRP_ERR_SERVER_SHUTDOWN: true,
  NNRP_ERR_SESSION_LOST: true,
  NNRP_ERR_SESSION_REFUSED: true,
  NNRP_ERR_SOURCE_TOO_SHORT: true,
  NNRP_ERR_SUBMIT_REFUSED: true,
  NNRP_ERR_TIMEOUT: true,
  NNRP_ERR_TOO_MANY_ITEMS: true,
  NNRP_ERR_TRANSPORT: true,
  NNRP_ERR_UNEXPECTED_BODY: true,
  NNRP_ERR_UNKNOWN_CAPABILITY_TOKEN: true,
  NNRP_ERR_UNKNOWN_ENUM_VALUE: true,
  NNRP_ERR_UNKNOWN_MESSAGE_TYPE: true,
  NNRP_ERR_UNSUPPORTED_VERSION_MAJOR: true,
  NNRP_ERR_UNSUPPORTED_WIRE_FORMAT: true,
  NNRP_ERR_USAGE: true,
} satisfies Record<NnrpErrorCode, true>;

const page = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
/** The first cells of the table under a heading. */
function rows(heading: string): string[] {
  const [, section = ''] = page.split(`## ${heading}\n`);
  const [table = ''] = section.split('\n## ');
  return [...table.matchAll(/^\| ([A-Za-z_]+) +\|/gm)]
    .map(([, cell]) => cell ?? '')
    .filter((cell) => cell.includes('_'));
}

describe('the codes of errors', () => {
  it('are those of the page, no more and no fewer', () => {
    const kinds = rows('Codes of WireError').map((kind) => `NNRP_ERR_${kind.toUpperCase()}`);
    expect(kinds.length).toBeGreaterThan(15);
    expect([...new Set([...kinds, ...rows('Other codes')])].sort()).toEqual(Object.keys(CODES).sort());
  });

  it('are a type, narrower where the class of the error is known', () => {
    expectTypeOf<WireErrorCode>().toExtend<NnrpErrorCode>();
    expectTypeOf<NnrpError['code']>().toEqualTypeOf<NnrpErrorCode | ApplicationErrorCode>();
    expectTypeOf<WireError['code']>().toEqualTypeOf<WireErrorCode>();
    expectTypeOf<UsageError['code']>().toEqualTypeOf<'NNRP_ERR_USAGE'>();
    expectTypeOf<CancelledError['code']>().toEqualTypeOf<'NNRP_ERR_CANCELLED' | 'NNRP_ERR_CANCELLED_BY_SERVER'>();
    expectTypeOf<'NNRP_ERR_INVALID_MAGIC'>().toExtend<WireErrorCode>();
    expectTypeOf<'NNRP_ERR_INVALID_MAGIK'>().not.toExtend<NnrpErrorCode>();
    // @ts-expect-error: a misspelt code is found where the code is one of these packages
    const misspelt: NnrpErrorCode = 'NNRP_ERR_USEAGE';
    expect(misspelt in CODES).toBe(false);
  });

  it('are on the errors as they are in the types', () => {
    expect(new WireError({ kind: 'invalid_magic' }, 'HEADER').code).toBe<WireErrorCode>('NNRP_ERR_INVALID_MAGIC');
    expect(new UsageError('x').code).toBe<NnrpErrorCode>('NNRP_ERR_USAGE');
    expect(new CancelledError('x').code).toBe<NnrpErrorCode>('NNRP_ERR_CANCELLED');
  });

  it('tell the compiler the class, where all errors with the code are of one', () => {
    const error: unknown = new DeadlineError('too late', 500);
    if (!isNnrpError(error, 'NNRP_ERR_DEADLINE')) throw error;
    expectTypeOf(error).toEqualTypeOf<DeadlineError>();
    expect(error.deadlineMs).toBe(500);
    const any: unknown = error;
    if (isNnrpError(any)) expectTypeOf(any).toEqualTypeOf<NnrpError>();
    if (isNnrpError(any, 'NNRP_ERR_SERVER_BUSY')) expectTypeOf(any).toEqualTypeOf<NnrpError>();
    if (isNnrpError(any, 'NNRP_ERR_INVALID_MAGIC')) expectTypeOf(any).toEqualTypeOf<WireError>();
  });

  it("may be those of a server's application", () => {
    const error = new PeerError('QUOTA_EXCEEDED', 'no tokens left', 7);
    expect(error.code === 'QUOTA_EXCEEDED').toBe(true);
    expect(isNnrpError(error)).toBe(true);
    // @ts-expect-error: a code that is not in the union, such as one that is misspelt.
    expect(isNnrpError(error, 'NNRP_ERR_TIMEDOUT')).toBe(false);
    expect(isNnrpError(error, 'NNRP_ERR_PEER')).toBe(false);
  });
});
