import { WireError } from 'nnrp-core';
import { EMPTY_BYTES } from '../../base/bytes.js';
import { type Given, withDefaults } from '../../base/options.js';
import { type BodyInput, unlentBytes } from '../body/body-bytes.js';
import type { ControlKind } from './control-kind.js';

/** What a call may say of a message: its fields, and the body that one of them announces. */
export type ControlInit<M> = Given<M> & { readonly body?: BodyInput | undefined };

/** A message to be sent. */
export interface ControlMessage<M> {
  readonly metadata: M;
  readonly body: Uint8Array;
}

/**
 * Makes a message of what a call was given.
 *
 * @param fixed - what the call does not decide, such as the operation
 * @throws UsageError on a field that does not exist, WireError on a value that the message cannot have
 */
export function controlMessage<Type extends string, M extends object>(
  kind: ControlKind<Type, M>,
  init: ControlInit<M>,
  fixed: Partial<M> = {},
): ControlMessage<M> {
  const { body, ...fields } = withDefaults<M & { readonly body?: BodyInput | undefined }>(
    kind.type,
    init as Given<M & { readonly body?: BodyInput | undefined }>,
    { ...kind.defaults, body: undefined },
  );
  const bytes = body === undefined ? EMPTY_BYTES : unlentBytes(body);
  const length = kind.length === undefined ? {} : { [kind.length]: bytes.length };
  const metadata = { ...(fields as unknown as M), ...fixed, ...length };
  const fault = kind.judge?.(metadata);
  if (fault !== undefined) throw new WireError(fault, kind.type);
  return { metadata, body: bytes };
}
