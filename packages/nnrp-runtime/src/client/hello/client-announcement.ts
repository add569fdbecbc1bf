import { shownPlain, shownValue, UsageError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { optionTable, TRUTH, U16 } from '../../base/option-kinds.js';
import { checkOptions } from '../../base/options.js';
import { announcement } from '../../connection/announcement.js';
import { viewed } from '../../connection/body/body-bytes.js';
import { withPolicy } from './transport-policy.js';

/** The first of the extension types that vendors and applications may use, and the last. */
const OWN_TYPES = { first: 0x8000, last: 0xffff };
/** What a hello or the acknowledgement of a session may say, in either of the two. */
const KNOWN: ReadonlySet<number> = new Set([
  ...Object.values(preview3.HelloExtensionType),
  preview3.PEER_MESSAGES_EXTENSION,
  preview3.PACKET_LIMIT_EXTENSION,
  preview3.RESUME_POSITION_EXTENSION,
  preview3.RESUME_TICKET_EXTENSION,
]);

/** Whether a client announces itself, and the largest packet that it takes. */
export interface Announcing {
  readonly announce: boolean;
  readonly maxPacketBytes: number;
  /** What a hello says of the transports that the application wants; left out where it has said nothing. */
  readonly transportPolicy?: preview3.ControlExtension;
}

/** An extension block entry of the application's own. */
export interface ExtensionInit {
  /** 0x8000 to 0xbfff of a vendor, 0xc000 to 0xffff local. */
  readonly type: number;
  /** Whether a server that does not know the type refuses the message; default false. */
  readonly critical?: boolean | undefined;
  /** Copied. */
  readonly payload: Uint8Array;
}

/**
 * The extension block of a SESSION_OPEN: the announcement, then what the application adds.
 *
 * @returns no bytes when there is nothing to say
 * @throws UsageError for a type outside 0x8000 to 0xffff or a payload that is not bytes
 */
export function sessionExtensions(config: Announcing, own: readonly ExtensionInit[] = []): Uint8Array {
  return preview3.encodeControlExtensions([...announced(config), ...entries(own).map(ownExtension)]);
}

/** The control extension block of a CLIENT_HELLO; any type may be added, since standard ones belong there. */
export function helloExtensions(config: Announcing, own: readonly preview3.ControlExtension[] = []): Uint8Array {
  const added = withPolicy(entries(own).map(extension), config.transportPolicy);
  return preview3.encodeControlExtensions([...announced(config), ...added]);
}

/** The entries with payloads in memory of their own, for what is needed after the call. @throws UsageError on one that is none */
export function ownExtensions(given: readonly ExtensionInit[]): preview3.ControlExtension[] {
  return entries(given)
    .map(extension)
    .map(({ type, critical, payload }) => ({ type, critical, payload: new Uint8Array(payload) }));
}

/**
 * What is wrong with a block in which an entry must be understood, and is not: neither this client nor, by its range, the
 * application knows it.
 */
export function unknownCritical(block: readonly preview3.ControlExtension[]): string | undefined {
  const unknown = block.find(({ type, critical }) => critical && type < OWN_TYPES.first && !KNOWN.has(type));
  return unknown && `extension 0x${unknown.type.toString(16).padStart(4, '0')} is critical and not known`;
}

const FIELDS = optionTable<ExtensionInit>({ type: U16, critical: TRUTH, payload: undefined });

function announced({ announce, maxPacketBytes }: Announcing): readonly preview3.ControlExtension[] {
  return announce ? announcement(maxPacketBytes) : [];
}

function entries<Entry>(own: readonly Entry[]): readonly Entry[] {
  if (Array.isArray(own)) return own;
  throw new UsageError(`extensions: expected a list, got ${shownValue(own)}`);
}

function ownExtension(init: ExtensionInit): preview3.ControlExtension {
  const { type } = init ?? {};
  if (!Number.isInteger(type) || type < OWN_TYPES.first || type > OWN_TYPES.last) {
    throw new UsageError(`extensions: type takes an integer of 0x8000 to 0xffff, got ${shownPlain(type)}`);
  }
  return extension(init);
}

function extension(init: ExtensionInit): preview3.ControlExtension {
  const { type, critical = false, payload } = checkOptions('extensions', init, FIELDS);
  const bytes = viewed(payload, 'extensions');
  if (bytes === undefined)
    throw new UsageError(
      `extensions: payload of type 0x${type.toString(16)} takes a Uint8Array, got ${shownValue(payload)}`,
    );
  return { type, critical, payload: bytes };
}
