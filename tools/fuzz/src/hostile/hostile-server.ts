import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createServer as createTcp, type Server, type Socket } from 'node:net';
import { createServer as createTls } from 'node:tls';
import type { Packet } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { QuicFramedListener, QuicServerEndpointConfig } from 'nnrp-transport-quic';
import { Dice } from '../samples/dice.js';
import { PREVIEW3 } from '../samples/samples-preview3.js';
import { pause, until } from '../targets/pledges.js';
import { PacketWire, StreamWire, type Wire } from '../wire.js';
import type { Addresses } from './addresses.js';
import type { Sent } from './attacker.js';
import { CLIENT_LIMITS } from './limits.js';
import { baseOf, isPong, volley } from './volley.js';

const ANSWER_MS = 150;
/** Ids that it grants; its packets are about them. */
const BASE = baseOf(0);

/** A server that grants sessions and then says anything. */
export class HostileServer {
  readonly sent: Sent = { packets: 0, read: 0, connections: 0 };

  constructor(private readonly seed: number) {}

  async listen(): Promise<Addresses> {
    const any = '127.0.0.1:0';
    const { config, certificate } = QuicServerEndpointConfig.selfSignedLocalhost(any);
    const cert = new X509Certificate(certificate.certificateDer).toString();
    const der = Buffer.from(certificate.privateKeyPkcs8Der);
    const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).export({ format: 'pem', type: 'pkcs8' });
    const take = (socket: Socket) => void this.speak(new StreamWire(socket));
    const tcp = await listening(createTcp({ noDelay: true }, take));
    const tls = await listening(createTls({ cert, key, ALPNProtocols: ['nnrp/1-tcp'] }, take));
    const listener = await QuicFramedListener.bind(config);
    void this.accept(listener);
    const root = Buffer.from(certificate.certificateDer).toString('base64');
    return { tcp, tls, quic: listener.address, root };
  }

  private async accept(listener: QuicFramedListener): Promise<never> {
    for (;;) void this.speak(new PacketWire(await listener.accept(), CLIENT_LIMITS.maxPacketBytes));
  }

  private async speak(wire: Wire): Promise<void> {
    const dice = new Dice(this.seed * 7907 + this.sent.connections++);
    const granted = { next: BASE };
    // Most clients are greeted as they should be, so that there is something to attack.
    await until(() => this.grant(wire, wire.take(), granted, dice) || wire.isOver, ANSWER_MS);
    for (let volleys = 1 + dice.below(50); volleys > 0 && !wire.isOver; volleys--) {
      const { bytes, packets } = volley(dice, BASE, 'opened');
      wire.write(bytes);
      this.sent.packets += packets;
      let answered = false;
      await until(() => {
        const said = wire.take();
        this.grant(wire, said, granted, dice);
        answered ||= said.some(({ messageType }) => isPong(messageType));
        return answered || wire.isOver;
      }, ANSWER_MS);
      if (!answered) break;
      this.sent.read += packets;
    }
    if (dice.chance(0.2)) await pause(5);
    wire[dice.of(['end', 'reset', 'destroy'] as const)]();
    wire.destroy();
  }

  /** @returns whether a session was granted */
  private grant(wire: Wire, packets: readonly Packet[], granted: { next: number }, dice: Dice): boolean {
    const opens = packets.filter(({ messageType }) => messageType === preview3.MessageType.SessionOpen);
    for (const _ of opens) {
      const sessionId = granted.next++;
      wire.write(PREVIEW3.of('SESSION_OPEN_ACK', { sessionId, frameId: 0 }, dice, { acceptedPriorityClass: 1 }));
    }
    return opens.length > 0;
  }
}

function listening(server: Server): Promise<string> {
  // A client that goes in the middle of its handshake is no news.
  server.on('tlsClientError', () => {});
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(`127.0.0.1:${(server.address() as { port: number }).port}`));
  });
}
