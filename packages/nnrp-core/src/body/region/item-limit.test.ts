import { expect, it } from 'vitest';
import { WireError } from '../../faults/wire-error.js';
import { checkItemCount, MAX_REGION_ITEMS } from './item-limit.js';

it('has the bound of a 16-bit count', () => {
  expect(MAX_REGION_ITEMS).toBe(65535);
  expect(checkItemCount(65535)).toBeUndefined();
});

it('says how many items came and how many are taken', () => {
  const fault = checkItemCount(1_048_576);
  if (fault === undefined) throw new Error('accepted');
  const error = new WireError(fault, 'INLINE_OBJECT_REGION');
  expect(error.code).toBe('NNRP_ERR_TOO_MANY_ITEMS');
  expect(error.message).toContain('INLINE_OBJECT_REGION: expected at most 65535 items, got 1048576');
});
