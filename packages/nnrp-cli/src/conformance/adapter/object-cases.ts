import { isInvalidated, MessageType } from 'nnrp-core/preview4';
import { type AdapterCases, plain } from './adapter-case.js';
import { expectRefused, expectSame } from './case-failure.js';
import { encodeStruct, messageTrip, utf8 } from './message-trip.js';

const KEY = { cacheKeyHi: 0x1122334455667788n, cacheKeyLo: 0x99aabbccddeeff00n };
const METADATA = utf8('{"dtype":"fp16"}');

export const OBJECT_CASES: AdapterCases = {
  'l1.object.lifecycle': plain(() => {
    const declared = {
      objectId: 5n,
      objectKind: 1,
      producerRole: 1,
      consumerRole: 2,
      sessionId: 7,
      byteSize: 4096n,
      computeCostUnits: 12,
      memoryLocationHint: 1,
      ownershipHint: 5,
      lifetimeHintMs: 1000,
      metadataBytes: METADATA.length,
    };
    messageTrip({ type: MessageType.ObjectDeclare, metadata: declared, body: METADATA });
    for (const objectKind of [250, 99])
      expectRefused(
        'a kind that is not assigned',
        () => encodeStruct('OBJECT_DESCRIPTOR', { ...declared, objectKind }),
        {
          kind: 'unknown_enum_value',
        },
      );
    const reference = {
      objectId: 5n,
      operationId: 101n,
      objectVersion: 2n,
      offset: 8n,
      length: 16n,
      flags: 7,
      metadataBytes: METADATA.length,
    };
    messageTrip({ type: MessageType.ObjectRef, metadata: reference, body: METADATA, frameId: 11 });
    expectRefused('a flag of a reference', () => encodeStruct('OBJECT_REFERENCE', { ...reference, flags: 8 }), {
      kind: 'reserved_bits_set',
    });
    const diagnostics = utf8('done');
    for (const releaseReason of [0, 6]) {
      const release = {
        objectId: 5n,
        operationId: 101n,
        releaseReason,
        sourceRole: 1,
        flags: 3,
        diagnosticBytes: diagnostics.length,
      };
      messageTrip({ type: MessageType.ObjectRelease, metadata: release, body: diagnostics, frameId: 11 });
    }
  }),

  'l1.object.delta': plain(() => {
    for (const type of [MessageType.ObjectDelta, MessageType.ObjectPatch]) {
      const delta = utf8('delta');
      const body = new Uint8Array([...METADATA, ...delta]);
      const metadata = {
        objectId: 5n,
        deltaSequence: 3n,
        regionOffset: 8n,
        regionBytes: 5,
        deltaBytes: delta.length,
        flags: 7,
        metadataBytes: METADATA.length,
      };
      messageTrip({ type, metadata, body });
      expectRefused('a flag of a delta', () => encodeStruct('OBJECT_DELTA', { ...metadata, flags: 8 }), {
        kind: 'reserved_bits_set',
      });
    }
  }),

  'l1.control.cache-reference': plain(() => {
    const reference = {
      cacheNamespace: 1,
      profileId: 2,
      reuseScope: 1,
      ...KEY,
      leaseId: 0n,
      producerTraceId: 99n,
      expirationHintMs: 1000,
      metadataBytes: METADATA.length,
      flags: 3,
    };
    messageTrip({ type: MessageType.CacheReference, metadata: reference, body: METADATA });
    const diagnostics = utf8('not here');
    for (const missReason of [1, 6])
      messageTrip({
        type: MessageType.CacheMiss,
        metadata: { cacheNamespace: 1, profileId: 2, missReason, ...KEY, diagnosticBytes: diagnostics.length },
        body: diagnostics,
      });
    const object = { cacheNamespace: 1, objectKind: 1, ...KEY } as const;
    const invalidate = { invalidateScope: 3, cacheNamespace: 1, ...KEY, reasonCode: 2 } as const;
    messageTrip({ type: MessageType.CacheInvalidate, metadata: invalidate });
    expectSame('the object that is meant', isInvalidated(object, invalidate), true);
    const other = { ...object, cacheKeyHi: 0x0022334455667788n };
    expectSame('an object whose key differs in its upper half', isInvalidated(other, invalidate), false);
  }),
};
