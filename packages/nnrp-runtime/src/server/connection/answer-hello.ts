import { type HelloOutcome, type HelloTerms, negotiateHello, type Packet } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { ErrorCode, TransportId } from 'nnrp-core/preview3';
import { announcedFamilies, announcedPacketBytes } from '../../connection/announcement.js';
import type { TransportKind } from '../../transport/contract/contract.js';
import type { NnrpServerConfig } from '../contract/server-config.js';

const HEAD_BYTES = 40 + preview3.RESULT_PUSH_BYTES;

/** The answer to CLIENT_HELLO, and what that has brought along. */
export interface GoodHello {
  readonly ack: preview3.ServerHelloAck;
  readonly body: Uint8Array;
  readonly auth: Uint8Array;
  readonly families: number;
  /** The largest packet that the client takes, if it says so. */
  readonly packetBytes: number | undefined;
}

/** That, or why there is no answer. */
export type HelloAnswer = GoodHello | { readonly errorCode: number; readonly text: string };

/**
 * Answers CLIENT_HELLO from the configuration of a server.
 *
 * @see NNRP/1-preview3 sections 7.1, 7.2, 11.1 and 13
 */
export function answerHello(packet: Packet, config: NnrpServerConfig, kind: TransportKind): HelloAnswer {
  const hello = preview3.decodeClientHello(packet.view, packet.metadataStart);
  const { body } = packet;
  const announced = hello.authBytes + hello.controlExtensionBytes;
  if (body.length !== 0 && body.length !== announced) {
    return malformed(`CLIENT_HELLO announces ${announced} body bytes, got ${body.length}`);
  }
  const block = body.subarray(Math.min(hello.authBytes, body.length));
  if (preview3.checkControlExtensions(block) !== undefined) {
    return malformed('CLIENT_HELLO: the extension block is malformed');
  }
  const offered = preview3.decodeControlExtensions(block);
  const outcome: HelloOutcome = negotiateHello(hello, offered, terms(config, kind));
  if ('errorCode' in outcome) return { errorCode: outcome.errorCode, text: `CLIENT_HELLO: ${outcome.text}` };
  const { ack, extensions } = outcome;
  return {
    ack,
    body: preview3.encodeControlExtensions(extensions),
    // Kept for every session of the connection, while the packet's chunk may not be.
    auth: new Uint8Array(body.subarray(0, hello.authBytes)),
    families: announcedFamilies(offered) ?? 0,
    packetBytes: announcedPacketBytes(offered),
  };
}

/**
 * The same for preview4. Reference peers send and take no body; one that comes all the same has to add up, and its
 * authentication is for the policy. Nothing is answered in a body.
 *
 * @see NNRP/1-preview4 sections 7 and 17
 */
export function answerHelloOfPreview4(packet: Packet, config: NnrpServerConfig, kind: TransportKind): HelloAnswer {
  const hello = preview3.decodeClientHello(packet.view, packet.metadataStart);
  const { body } = packet;
  const announced = hello.authBytes + hello.controlExtensionBytes;
  if (body.length !== 0 && body.length !== announced) {
    return malformed(`CLIENT_HELLO announces ${announced} body bytes, got ${body.length}`);
  }
  const tokenTtlMs = config.resumeWindowMs;
  const outcome = negotiateHello(hello, [], { ...terms(config, kind), tokenTtlMs });
  if ('errorCode' in outcome) return { errorCode: outcome.errorCode, text: `CLIENT_HELLO: ${outcome.text}` };
  const { ack: agreed } = outcome;
  if (agreed.acceptedProfileBitmap === 0) {
    return { errorCode: ErrorCode.UnsupportedCapability, text: 'CLIENT_HELLO offers no profile that is served' };
  }
  const auth = new Uint8Array(body.subarray(0, Math.min(hello.authBytes, body.length)));
  // The limit is that of a whole packet.
  const ack = { ...agreed, maxLaneCount: Math.max(1, agreed.maxLaneCount), maxBodyBytes: config.maxPacketBytes };
  return { ack, body: EMPTY, auth, families: 0, packetBytes: undefined };
}

const EMPTY = new Uint8Array(0);

function terms(config: NnrpServerConfig, kind: TransportKind): HelloTerms {
  return {
    supportedProfiles: config.supportedProfiles,
    supportedCacheObjects: config.supportedCacheObjects,
    maxConcurrentFrames: config.maxInFlightOperations,
    maxBodyBytes: config.maxPacketBytes - HEAD_BYTES,
    peerMessages: preview3.PEER_MESSAGES_MASK,
    transportId: kind === 'quic' ? TransportId.Quic : kind === 'tcp' ? TransportId.Tcp : TransportId.Unspecified,
    ...(config.maxCacheObjects === 0 ? {} : { maxCacheEntries: config.maxCacheObjects }),
    maxCacheBytes: Math.min(config.maxCacheBytes, 0xffffffff),
  };
}

function malformed(text: string): HelloAnswer {
  return { errorCode: ErrorCode.MalformedBody, text };
}
