import { describe, expect, it } from 'vitest';
import { jsonText } from './json.js';

function circle(): object {
  const within: Record<string, unknown> = {};
  const value = { seen: [1], within, toJSON: () => ({ seen: value.seen }) };
  within['value'] = value;
  return value;
}

function heir(): object {
  const ancestor = { heir: {}, fails: 0 };
  Object.defineProperty(ancestor, 'fails', { enumerable: true, get: () => expect.unreachable('it is not read') });
  ancestor.heir = Object.assign(Object.create(ancestor) as object, { a: 1 });
  return ancestor.heir;
}

describe('the JSON of a value', () => {
  it.each<[string, unknown]>([
    ['Map', new Map([['a', 1]])],
    ['Set', { list: [new Set([1])] }],
    ['Response', { answer: new Response('x') }],
    ['Error', new Error('lost')],
    ['Map', { filled: Object.assign(new Map([['a', 1]]), { name: 'x' }) }],
    ['Set', [Object.assign(new (class extends Set {})([1]), { name: 'x' })]],
    ['Error', Object.assign(new Error('lost'), { code: 'ENOENT' })],
    ['Error', { failed: Object.assign(new TypeError('lost'), { errno: -2 }) }],
    ['Uint8Array', { bytes: Uint8Array.of(1, 2) }],
    ['Uint8Array', { bytes: new Uint8Array(0) }],
  ])('is refused where a %s within it would be lost', (kind, value) => {
    expect(() => jsonText(value, 'body')).toThrow(
      `body takes what JSON can hold, or bytes alone, got an object of the kind ${kind} within it`,
    );
  });

  it('is refused where a promise is within it, whatever else would be lost', () => {
    const value = { map: new Map(), late: [Promise.reject(new Error('unheard'))] };
    expect(() => jsonText(value, 'body')).toThrow('body takes values, got a promise within it: did you forget await?');
  });

  it('says nothing of what throws when its kind is read', () => {
    const odd = {
      get [Symbol.toStringTag]() {
        throw new Error('secret');
      },
    };
    expect(() => jsonText({ odd, rest: {} }, 'body')).toThrow(/body takes what JSON can hold, or bytes$/);
  });

  it('is refused where it nests too deeply, however deeply that is', () => {
    for (const depth of [200, 3000]) {
      let value: unknown = {};
      for (let count = 0; count < depth; count++) value = [value];
      expect(() => jsonText(value, 'body')).toThrow('body takes objects and lists that nest at most 128 deep');
    }
  });

  it.each<[string, unknown, string]>([
    ['plain objects without members', { a: {}, b: [{}] }, '{"a":{},"b":[{}]}'],
    ['objects without a prototype', { a: Object.create(null) }, '{"a":{}}'],
    ['objects of a class', { a: new (class Empty {})() }, '{"a":{}}'],
    ['boxed values', { a: Object(1), b: Object('x'), c: Object(true), d: {} }, '{"a":1,"b":"x","c":true,"d":{}}'],
    ['dates', { at: new Date(0), rest: {} }, '{"at":"1970-01-01T00:00:00.000Z","rest":{}}'],
    ['errors that say what they are', Object.assign(new Error(), { message: 'm' }), '{"message":"m"}'],
    ['errors with a form of their own', { e: Object.assign(new Error(), { toJSON: () => 'm' }) }, '{"e":"m"}'],
    ['circles that nobody sees', circle(), '{"seen":[1]}'],
    ['what inherits a circle, and what throws', heir(), '{"a":1}'],
    ['text that looks like an empty object', { arguments: '{}' }, '{"arguments":"{}"}'],
    ['objects with numbers for names', { 0: 'a' }, '{"0":"a"}'],
  ])('has %s as they are', (_, value, text) => {
    expect(jsonText(value, 'body')).toBe(text);
  });
});
