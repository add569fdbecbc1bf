import { describeFault, type NnrpError, type Packet, ProtocolError, UsageError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { ErrorCode, MessageType } from 'nnrp-core/preview3';
import { described } from '../../base/application/described.js';
import { concatBytes, EMPTY_BYTES } from '../../base/bytes.js';
import { announcedFamilies } from '../../connection/announcement.js';
import { ownBytes } from '../../connection/body/body-bytes.js';
import { familiesOfHello, HELLO_TRACE_HIGH, helloTraceLow } from '../../connection/revision/hello-trace.js';
import { CLIENT_HELLO } from '../../connection/sending/codecs.js';
import { CONTROL_LANE } from '../../connection/sending/outbox.js';
import type { SessionConnection } from '../../connection/session-endpoint.js';
import { bodyMismatch } from '../failures/peer-error.js';
import { type AnswerReader, PendingRequests } from '../requests/pending-requests.js';
import { type Announcing, helloExtensions, unknownCritical } from './client-announcement.js';
import { type ClientHelloOptions, HELLO_DEFAULTS, HELLO_DEFAULTS_4, helloOptions } from './hello-options.js';

/** What a server leaves for header and metadata when it says in its hello how large a body may be. */
const HEAD_BYTES = preview3.COMMON_HEADER_BYTES + preview3.RESULT_PUSH_BYTES;

/** The server's answer to a hello. */
export interface ServerHello {
  readonly ack: preview3.ServerHelloAck;
  /** Its control extension block; payloads are not copied. See preview3.decodeHelloExtension. */
  readonly extensions: readonly preview3.ControlExtension[];
}

/** The hello of one connection: one at most, before the first session. */
export class HelloExchange {
  /** The server's answer, once it has come. */
  serverHello: ServerHello | undefined;
  private readonly pending: PendingRequests<preview3.ClientHello, ServerHello>;
  private sent = false;
  /** What the server says it understands: bits of PeerMessages. */
  families = 0;

  constructor(
    private readonly connection: Pick<SessionConnection, 'send' | 'crashed' | 'dialect'>,
    reader: AnswerReader,
  ) {
    this.pending = new PendingRequests('CLIENT_HELLO', reader, connection);
  }

  get isPending(): boolean {
    return this.pending.waiting > 0;
  }

  /** How large a packet the server takes; undefined when it does not say. */
  get mostPacketBytes(): number | undefined {
    const { maxBodyBytes = 0 } = this.serverHello?.ack ?? {};
    if (maxBodyBytes === 0) return undefined;
    // In preview4 it counts the whole packet.
    return this.connection.dialect.isPreview4 ? Math.max(maxBodyBytes, HEAD_BYTES) : maxBodyBytes + HEAD_BYTES;
  }

  /** Rejects with WireError when options contradict each other. @throws UsageError when one was sent before, or on a wrong option */
  send(options: ClientHelloOptions, announcing: Announcing, timeoutMs: number): Promise<ServerHello> {
    if (this.sent) throw new UsageError('CLIENT_HELLO: a connection has one, and it was sent before');
    const { hello, body, traceLow, traceHigh } = this.connection.dialect.isPreview4
      ? greeting4(options, announcing)
      : greeting(options, announcing);
    const { connection } = this;
    return this.pending.ask(hello, timeoutMs, () => {
      connection.send(MessageType.ClientHello, 0, 0, CLIENT_HELLO, hello, body, CONTROL_LANE, traceLow, traceHigh);
      this.sent = true;
    });
  }

  /**
   * SERVER_HELLO_ACK.
   * @returns `stray` when no call waits for it; an error when it breaks a rule, which costs the connection
   */
  answered(packet: Packet): 'taken' | 'stray' | ProtocolError {
    const hello = this.pending.first();
    if (hello === undefined) return 'stray';
    const ack = preview3.decodeServerHelloAck(packet.view, packet.metadataStart);
    const { isPreview4 } = this.connection.dialect;
    const error = checkAnswer(hello, ack, packet, isPreview4);
    if (error !== undefined) return this.pending.reject(error) ? error : 'stray';
    const serverHello = described({ ack, extensions: preview3.decodeControlExtensions(packet.body) });
    if (!this.pending.answered(serverHello)) return 'stray';
    this.serverHello = serverHello;
    this.families = (isPreview4 ? familiesOfHello(packet) : announcedFamilies(serverHello.extensions)) ?? 0;
    return 'taken';
  }

  /** The server reports a failure. @returns false when no hello waits for its answer */
  reject(error: NnrpError): boolean {
    return this.pending.reject(error);
  }

  end(error: NnrpError): void {
    this.pending.end(error);
  }
}

/** A hello as it is sent. */
interface Greeting {
  readonly hello: preview3.ClientHello;
  readonly body: Uint8Array;
  readonly traceLow: number;
  readonly traceHigh: number;
}

function greeting(options: ClientHelloOptions, announcing: Announcing): Greeting {
  const { auth = '', extensions, ...wishes } = helloOptions(options);
  const authBlock = ownBytes(auth, 'auth');
  const block = helloExtensions(announcing, extensions);
  const hello = { ...HELLO_DEFAULTS, ...wishes, authBytes: authBlock.length, controlExtensionBytes: block.length };
  return { hello, body: concatBytes([authBlock, block]), traceLow: 0, traceHigh: 0 };
}

/** Servers of the reference refuse a hello with a body: peers of this library announce themselves in the trace id, which servers of the reference do not read. */
function greeting4(options: ClientHelloOptions, { announce }: Announcing): Greeting {
  const { auth, extensions, ...wishes } = helloOptions(options);
  if (auth !== undefined || extensions !== undefined)
    throw new UsageError('CLIENT_HELLO: preview4 has no room for auth and extensions in it');
  const hello = { ...HELLO_DEFAULTS_4, ...wishes, authBytes: 0, controlExtensionBytes: 0 };
  const traceLow = announce ? helloTraceLow(preview3.PEER_MESSAGES_MASK) : 0;
  return { hello, body: EMPTY_BYTES, traceLow, traceHigh: announce ? HELLO_TRACE_HIGH : 0 };
}

function checkAnswer(
  hello: preview3.ClientHello,
  ack: preview3.ServerHelloAck,
  packet: Packet,
  isPreview4: boolean,
): ProtocolError | undefined {
  const fault = preview3.checkHelloAck(hello, ack) ?? preview3.checkControlExtensions(packet.body);
  const name = 'SERVER_HELLO_ACK';
  if (fault !== undefined) return new ProtocolError(`${name}: ${describeFault(fault)}`, ErrorCode.MalformedBody, fault);
  const mismatch = bodyMismatch(name, ack.controlExtensionBytes, packet.bodyLength);
  if (mismatch !== undefined) return mismatch;
  if (isPreview4 && packet.bodyLength > 0)
    return new ProtocolError(`${name}: its body is not empty, as it is in preview4`, ErrorCode.MalformedBody);
  const unknown = unknownCritical(preview3.decodeControlExtensions(packet.body));
  return unknown === undefined ? unknown : new ProtocolError(`${name}: ${unknown}`, ErrorCode.UnsupportedCapability);
}
