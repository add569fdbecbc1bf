import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { QuicConnector } from 'nnrp-transport-quic';
import { Dice } from '../samples/dice.js';
import { pause, until } from '../targets/pledges.js';
import { PacketWire, StreamWire, type Wire } from '../wire.js';
import { type Addresses, carrierOf, type SocketCarrier } from './addresses.js';
import { SERVER_LIMITS } from './limits.js';
import { baseOf, isPong, volley } from './volley.js';

/** So long a volley may take to be answered by its PONG, before its connection is given up. */
const ANSWER_MS = 150;

/** What attackers have done. */
export interface Sent {
  packets: number;
  /** Of those, packets that were read to the end: a PONG came back for what was behind them. */
  read: number;
  connections: number;
}

/** Hostile clients, each with a connection of its own; one that is over is followed by another. */
export class Attacker {
  readonly sent: Sent = { packets: 0, read: 0, connections: 0 };
  private isOver = false;
  private readonly quic: QuicConnector;

  constructor(
    private readonly to: Addresses,
    private readonly seed: number,
    private readonly limit: number,
  ) {
    const root = Buffer.from(to.root, 'base64');
    this.quic = new QuicConnector(to.quic, { roots: root, maxPacketBytes: SERVER_LIMITS.maxPacketBytes });
  }

  /** @param numbers - of the connections, from which all choices follow. Resolves when enough has been sent. */
  async run(numbers: readonly number[]): Promise<void> {
    await Promise.all(numbers.map((number) => this.attack(number)));
  }

  private async attack(number: number): Promise<void> {
    const dice = new Dice(this.seed * 7919 + number);
    const carrier = carrierOf(number);
    while (!this.isOver) {
      const wire = await this.connect(carrier);
      if (wire === undefined) await pause(20);
      else await this.speak(wire, dice, number);
    }
  }

  private async speak(wire: Wire, dice: Dice, number: number): Promise<void> {
    this.sent.connections++;
    for (let volleys = 1 + dice.below(50); volleys > 0 && !wire.isOver && !this.isOver; volleys--) {
      const { bytes, packets } = volley(dice, baseOf(number), 'open');
      wire.write(bytes);
      this.sent.packets += packets;
      if (this.sent.packets >= this.limit) this.isOver = true;
      let answered = false;
      await until(() => {
        answered ||= wire.take().some(({ messageType }) => isPong(messageType));
        return answered || wire.isOver;
      }, ANSWER_MS);
      if (!answered) break;
      this.sent.read += packets;
    }
    wire[dice.of(['end', 'reset', 'destroy'] as const)]();
    wire.destroy();
  }

  private async connect(carrier: SocketCarrier): Promise<Wire | undefined> {
    if (carrier === 'quic') {
      const transport = await this.quic.connect().catch(() => undefined);
      return transport && new PacketWire(transport, SERVER_LIMITS.maxPacketBytes);
    }
    const [host = '', port = ''] = this.to[carrier].split(':');
    const address = { host, port: Number(port) };
    return new Promise((resolve) => {
      const made = () => {
        socket.off('error', refused);
        resolve(new StreamWire(socket));
      };
      const socket =
        carrier === 'tcp'
          ? connectTcp({ ...address, noDelay: true }, made)
          : connectTls({ ...address, rejectUnauthorized: false, ALPNProtocols: ['nnrp/1-tcp'] }, made);
      const refused = () => resolve(undefined);
      socket.once('error', refused);
    });
  }
}
