import { UsageError } from 'nnrp-core';
import { afterEach, expect, it } from 'vitest';
import { type CallFacts, call, callOf, createRouter, replaceCallMetadata } from '../../src/calls/index.js';
import { CallsStage } from './calls-stage.js';

const stage = new CallsStage();
afterEach(() => stage.clear());

it('a call is known before its router has it, and its handler gets the metadata that are put in their place', async () => {
  const router = createRouter().route('echo', ({ metadata, body }) => ({ metadata: { ...metadata }, body }));
  const facts: (CallFacts | undefined)[] = [];
  const { session } = await stage.calling((operation) => {
    facts.push(callOf(operation));
    if (facts[0] !== undefined) {
      expect(() => replaceCallMetadata(operation, { 'no name': 'x' })).toThrow(UsageError);
      replaceCallMetadata(operation, { ...facts[0].metadata, added: 'y' });
      expect(callOf(operation)?.metadata['added']).toBe('y');
    }
    return router.submit(operation);
  });
  const options = { metadata: { tenant: 'acme' }, requestId: 'id' };
  const { body } = await call(session, 'echo', 'hello', options);
  expect(body).toEqual({ metadata: { tenant: 'acme', added: 'y' }, body: 'hello' });
  expect(facts[0]).toMatchObject({ schema: 'nnrp-call/1', route: 'echo', requestId: 'id' });
});

it('what is no call has no facts, and no metadata to be replaced', async () => {
  const facts: unknown[] = [];
  const { session } = await stage.calling((operation) => {
    facts.push(callOf(operation));
    replaceCallMetadata(operation, { added: 'y' });
    facts.push(callOf(operation));
    return 'answer';
  });
  expect((await session.request('text')).text()).toBe('answer');
  expect(facts).toEqual([undefined, undefined]);
});
