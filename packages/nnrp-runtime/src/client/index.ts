/*
 * The client alone, for every place that runs JavaScript: it imports no module of Node.js. Its connections come from a transport
 * that is imported beside it, such as nnrp-transport-websocket, or from a connector of the application's own.
 */

export type { ApplicationEvents } from '../base/application/application-events.js';
export type {
  FramedConnector,
  FramedTransport,
  OutboundPacket,
  PacketSink,
  TransportKind,
} from '../transport/contract/contract.js';
export type { PeerIdentity } from '../transport/contract/peer-identity.js';
export type { LentPiece, SentListener, SentMemory, SentPiece } from '../transport/contract/sent-pieces.js';
export { type RegisteredSettings, registerTransport, type TransportScheme } from '../transport/url/registry.js';
export * from './calling.js';
export type { PortableConnectOptions as NnrpConnectOptions } from './contract/connect-options.js';
export { NnrpClient } from './portable-client.js';
