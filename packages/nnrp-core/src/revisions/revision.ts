import type { MessageInfo } from '../bytes/message-info.js';
import type { WireFault, WireRule } from '../faults/fault.js';
import type { CommonHeader } from '../generated/preview3/common-header.js';

/** The fields of the common header, which all revisions share; which message types exist is the revision's. */
export type HeaderFields = Omit<CommonHeader, 'messageType'> & { readonly messageType: number };

/**
 * What differs between the revisions of the wire. Nothing in a header tells them apart, so the revision is chosen by
 * configuration and handed to whatever reads or writes packets.
 */
export interface Revision {
  /** Name of the revision and of its folder under spec/, such as preview3. */
  readonly name: string;
  /** Every assigned message, by ascending code. */
  readonly messages: readonly MessageInfo[];
  /** The row of a message type; undefined when it is not assigned. */
  messageInfo(messageType: number): MessageInfo | undefined;
  /** Checks a header without throwing: index of the first broken rule in `headerRules`, or -1. */
  checkHeader(view: DataView, start: number): number;
  readonly headerRules: readonly WireRule[];
  /** Writes a header and checks it. @throws WireError, nothing is written then. @returns the offset after it */
  encodeHeader(header: HeaderFields, view: DataView, start: number): number;
  /**
   * Rules that need the header and valid metadata together.
   * @param metadataStart - offset of the metadata in the view
   * @returns the name of the broken rule, such as FLOW-2
   */
  checkTogether(messageType: number, sessionId: number, view: DataView, metadataStart: number): string | undefined;
  /**
   * What valid metadata says of the body, against the body that came with it; absent where it need not be true.
   * @param bodyLength - in bytes
   */
  checkBody?(info: MessageInfo, view: DataView, metadataStart: number, bodyLength: number): WireFault | undefined;
}

/** Builds the lookup by code that a revision's `messageInfo` answers from. */
export function messagesByCode(messages: readonly MessageInfo[]): (code: number) => MessageInfo | undefined {
  const table: (MessageInfo | undefined)[] = new Array(256).fill(undefined);
  for (const message of messages) table[message.code] = message;
  return (code) => table[code];
}
