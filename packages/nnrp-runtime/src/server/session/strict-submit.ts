import type { Packet, SchemaRegistry } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { DescriptorFlags, ErrorCode, FrameClass, LossTolerancePolicy, StreamSemantics } from 'nnrp-core/preview3';
import type { SubmitBodies } from '../operation/bodies/submit-bodies.js';
import type { ReferenceFault } from './session-cache.js';

const AT = preview3.FRAME_SUBMIT_OFFSETS;
const FRAME_CLASSES: readonly number[] = Object.values(FrameClass);
const LOSS_TOLERANCES: readonly number[] = Object.values(LossTolerancePolicy);
const STREAM_SEMANTICS: readonly number[] = Object.values(StreamSemantics);
const CONTRADICTION = DescriptorFlags.Terminal | DescriptorFlags.Partial;

/**
 * What the documents forbid and every preview3 peer accepts: values outside the fixed lists, a payload that is terminal
 * and partial at once, a payload whose schema is not known.
 *
 * @returns the first fault, or undefined
 * @see NNRP/1-preview3 section 18 (D-21, D-22)
 */
export function strictFault(packet: Packet, schemas: SchemaRegistry, bodies: SubmitBodies): ReferenceFault | undefined {
  const { view, metadataStart } = packet;
  const frameClass = view.getUint8(metadataStart + AT.frameClass);
  if (!FRAME_CLASSES.includes(frameClass)) return malformed(`frame_class has no value ${frameClass}`);
  const lossTolerance = view.getUint8(metadataStart + AT.lossTolerancePolicy);
  if (!LOSS_TOLERANCES.includes(lossTolerance)) return malformed(`loss_tolerance_policy has no value ${lossTolerance}`);
  const metadata = bodies.decodeFrameSubmit(view, metadataStart);
  // A body without regions is the application's own business, also here.
  if (bodies.checkBody(packet.body, metadata) !== undefined) return undefined;
  for (const { descriptor } of bodies.decodeBody(packet.body, metadata).typedPayloads) {
    if (!STREAM_SEMANTICS.includes(descriptor.streamSemantics)) {
      return malformed(`stream_semantics has no value ${descriptor.streamSemantics}`);
    }
    if ((descriptor.descriptorFlags & CONTRADICTION) === CONTRADICTION)
      return malformed('terminal and partial at once');
    const binding = schemas.bind(descriptor);
    if (binding.outcome === 'refused') {
      const { schemaId, schemaVersion } = descriptor;
      return {
        errorCode: binding.errorCode,
        text: `FRAME_SUBMIT: schema ${schemaId} version ${schemaVersion} cannot be bound`,
      };
    }
  }
  return undefined;
}

function malformed(text: string): ReferenceFault {
  return { errorCode: ErrorCode.MalformedBody, text: `FRAME_SUBMIT: ${text}` };
}
