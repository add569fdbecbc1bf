import { describe, expect, it } from 'vitest';
import { encodeCapabilityTokens } from './capability-tokens.js';

describe('capability tokens', () => {
  it.each<[unknown, string]>([
    ['Upper', 'Upper'],
    [Object.create(null), 'an object'],
    [Symbol('x'), 'Symbol(x)'],
    [null, 'null'],
  ])('that are none are named, whatever they are: %#', (token, shown) => {
    const encode = () => encodeCapabilityTokens([token as string]);
    expect(encode).toThrow(expect.objectContaining({ fault: { kind: 'invalid_capability_token', token: shown } }));
  });
});
