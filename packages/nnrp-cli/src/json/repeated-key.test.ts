import { expect, it } from 'vitest';
import { repeatedKey } from './repeated-key.js';

it.each([
  ['{"a":1,"b":2,"a":3}', 'a'],
  ['{"a":1,"\\u0061":2}', 'a'],
  ['{"a":{"x":{"k":1},"x":2}}', 'a.x'],
  ['{"list":[1,[2,3],{"k":"{\\"k\\":","k":0}]}', 'list[2].k'],
  ['[{"a":1},{"a":1},{"b":[],"b":{}}]', '[2].b'],
])('finds in %s the key %s', (json, path) => {
  expect(() => JSON.parse(json)).not.toThrow();
  expect(repeatedKey(json)).toBe(path);
});

it.each([
  '1',
  '"a"',
  '[]',
  '{"a":{"a":{"a":"a"}},"b":["a","a"],"A":"\\\\","c":"\\"a\\":1,"}',
  '{"a":"x","b":[{"a":1},{"a":2}]}',
])('finds none in %s', (json) => {
  expect(() => JSON.parse(json)).not.toThrow();
  expect(repeatedKey(json)).toBeUndefined();
});
