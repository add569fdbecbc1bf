import { describeFault, type NnrpError, type Packet, ProtocolError, UsageError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { ErrorCode, MessageType } from 'nnrp-core/preview3';
import { described } from '../../base/application/described.js';
import { type Given, type Kept, readValues } from '../../base/options.js';
import { type BodyInput, ownBytes } from '../../connection/body/body-bytes.js';
import { CLIENT_HELLO } from '../../connection/sending/codecs.js';
import type { SessionConnection } from '../../connection/session-endpoint.js';
import { bodyMismatch } from '../failures/peer-error.js';
import { type AnswerReader, PendingRequests } from '../requests/pending-requests.js';
import { type Announcing, helloExtensions, isUnknownCritical, ownExtensions } from './client-announcement.js';
import { concatBytes } from './concat-bytes.js';
import { HELLO_FIELDS } from './hello-fields.js';

/** What a client says about itself before its first session; what is left out has its default. */
export interface ClientHelloOptions extends Given<Omit<preview3.ClientHello, 'authBytes' | 'controlExtensionBytes'>> {
  /** Authentication block; default empty. */
  readonly auth?: BodyInput | undefined;
  /** Entries of the control extension block; default none. See preview3.encodeHelloExtension. */
  readonly extensions?: readonly preview3.ControlExtension[] | undefined;
}

/** The server's answer to a hello. */
export interface ServerHello {
  readonly ack: preview3.ServerHelloAck;
  /** Its control extension block; payloads are not copied. See preview3.decodeHelloExtension. */
  readonly extensions: readonly preview3.ControlExtension[];
}

/** Version 1, wire format 0, both profiles, every payload kind and cache object kind; no wishes. */
const DEFAULTS: Omit<preview3.ClientHello, 'authBytes' | 'controlExtensionBytes'> = Object.freeze({
  minVersionMajor: 1,
  maxVersionMajor: 1,
  supportedWireFormatBitmap: 1,
  supportedProfileBitmap: 0b11,
  supportedPayloadKindBitmap: preview3.PAYLOAD_KIND_FLAGS_MASK,
  supportedCodecBitmap: 0,
  supportedCompressionBitmap: 0,
  supportedDtypeBitmap: 0,
  supportedLayoutBitmap: 0,
  cacheDigestBitmap: 0,
  cacheObjectBitmap: 0x1ff,
  cacheNamespaceCount: 0xffff,
  maxLaneCount: 1,
  maxCacheEntries: 0xffffffff,
  maxCacheBytes: 0xffffffff,
  targetCadenceX100: 0,
  latencyBudgetMs: 0,
  qualityTier: 0,
  degradePolicy: preview3.DegradePolicy.ServerDefault,
  requestedSessionId: 0,
});

/**
 * A copy that no later change of the options, or of bytes in them, reaches.
 * @throws UsageError on an option that does not exist or fit, and on bytes or extensions that are none
 */
export function helloOptions(options: ClientHelloOptions): Kept<ClientHelloOptions> {
  const { auth, extensions, ...wishes } = readValues('hello options', options, HELLO_FIELDS);
  return {
    ...wishes,
    ...(auth !== undefined && { auth: ownBytes(auth, 'auth') }),
    ...(extensions !== undefined && { extensions: ownExtensions(extensions) }),
  };
}

/** The hello of one connection: one at most, before the first session. */
export class HelloExchange {
  /** The server's answer, once it has come. */
  serverHello: ServerHello | undefined;
  private readonly pending: PendingRequests<preview3.ClientHello, ServerHello>;
  private sent = false;

  constructor(
    private readonly connection: Pick<SessionConnection, 'send' | 'crashed'>,
    reader: AnswerReader,
  ) {
    this.pending = new PendingRequests('CLIENT_HELLO', reader, connection);
  }

  get isPending(): boolean {
    return this.pending.waiting > 0;
  }

  /** @throws UsageError when one was sent before, or on a wrong option; WireError when options contradict each other */
  send(options: ClientHelloOptions, announcing: Announcing, timeoutMs: number): Promise<ServerHello> {
    if (this.sent) throw new UsageError('CLIENT_HELLO: a connection has one, and it was sent before');
    const { auth = '', extensions, ...wishes } = helloOptions(options);
    const authBlock = ownBytes(auth, 'auth');
    const block = helloExtensions(announcing, extensions);
    const hello = { ...DEFAULTS, ...wishes, authBytes: authBlock.length, controlExtensionBytes: block.length };
    const answer = this.pending.ask(hello, timeoutMs, () =>
      this.connection.send(MessageType.ClientHello, 0, 0, CLIENT_HELLO, hello, concatBytes([authBlock, block])),
    );
    this.sent = true;
    return answer;
  }

  /**
   * SERVER_HELLO_ACK.
   * @returns `stray` when no call waits for it; an error when it breaks a rule, which costs the connection
   */
  answered(packet: Packet): 'taken' | 'stray' | ProtocolError {
    const hello = this.pending.first();
    if (hello === undefined) return 'stray';
    const ack = preview3.decodeServerHelloAck(packet.view, packet.metadataStart);
    const error = checkAnswer(hello, ack, packet);
    if (error !== undefined) return this.pending.refused(error) ? error : 'stray';
    const serverHello = described({ ack, extensions: preview3.decodeControlExtensions(packet.body) });
    if (!this.pending.answered(serverHello)) return 'stray';
    this.serverHello = serverHello;
    return 'taken';
  }

  /** The server reports a failure. @returns false when no hello waits for its answer */
  refused(error: NnrpError): boolean {
    return this.pending.refused(error);
  }

  end(error: NnrpError): void {
    this.pending.end(error);
  }
}

function checkAnswer(
  hello: preview3.ClientHello,
  ack: preview3.ServerHelloAck,
  packet: Packet,
): ProtocolError | undefined {
  const fault = preview3.checkHelloAck(hello, ack) ?? preview3.checkControlExtensions(packet.body);
  const name = 'SERVER_HELLO_ACK';
  if (fault !== undefined) return new ProtocolError(`${name}: ${describeFault(fault)}`, ErrorCode.MalformedBody, fault);
  const mismatch = bodyMismatch(name, ack.controlExtensionBytes, packet.bodyLength);
  if (mismatch !== undefined) return mismatch;
  const unknown = preview3.decodeControlExtensions(packet.body).find(isUnknownCritical);
  if (unknown === undefined) return undefined;
  const text = `${name}: extension 0x${unknown.type.toString(16).padStart(4, '0')} is critical and not known`;
  return new ProtocolError(text, ErrorCode.UnsupportedCapability);
}
