import { setImmediate } from 'node:timers/promises';
import { Dice } from '../../../nnrp-runtime/test/recovery/dice.js';
import { Frames } from './frames.js';
import { PacketKeys, Secrets } from './packet-keys.js';
import { Ends, type Pem, type Role } from './rounds.js';

const ID_BYTES = 16;
const VERSION = Buffer.from([0, 0, 0, 1]);
/** Of one connection. */
const DATAGRAMS = 96;
const AFTERWARDS = 5;
const MIN_INITIAL_BYTES = 1200;
const FIRST_NUMBER = 1000;
const ECHO_BYTES = 100_000;
const ROUNDS_A_TURN = 16;

/** What has come of a campaign. */
export interface Figures {
  datagrams: number;
  connections: number;
  /** Datagrams by their kind. */
  readonly kinds: Record<string, number>;
  /** Sealed by true keys for a connection that was there: they have reached its frame parser. */
  parsed: number;
  /** By role, kind of loss and code. */
  readonly losses: Record<string, number>;
  /** Connections that have outlived their round. */
  survivors: number;
  slowestMs: number;
  /** Bytes of memory of both instances after a tenth of the campaign, and at its end. */
  memory: [early: number, end: number];
  /** Connections that the instances have at the end. */
  left: number;
  readonly failures: readonly string[];
}

/** A packet with a long header, cut out of its datagram. */
interface LongPacket {
  readonly bytes: Buffer;
  readonly numberAt: number;
  readonly isInitial: boolean;
}

/** Attacks one end after another, each in the name of its peer, with the keys of their connection. */
export class Campaign {
  private readonly dice: Dice;
  private readonly frames: Frames;
  private readonly ends: Ends;
  private readonly secrets = new Secrets();
  private readonly figures: Figures;
  private number = FIRST_NUMBER;
  private readonly real: Buffer[] = [];

  constructor(seed: number, pem: Pem) {
    this.dice = new Dice(seed);
    this.frames = new Frames(this.dice);
    this.ends = new Ends(seed + 1, pem, this.secrets.note);
    this.figures = {
      datagrams: 0,
      connections: 0,
      kinds: {},
      parsed: 0,
      losses: {},
      survivors: 0,
      slowestMs: 0,
      memory: [0, 0],
      left: 0,
      failures: this.ends.failures,
    };
  }

  /** Turns come in between, so that the time-out of a test is one. */
  async run(datagrams: number): Promise<Figures> {
    const { figures, ends } = this;
    while (figures.datagrams < datagrams && figures.failures.length === 0) {
      this.round();
      if (figures.connections % ROUNDS_A_TURN === 0) await setImmediate();
      if (figures.datagrams < datagrams / 10) figures.memory[0] = this.memoryBytes;
    }
    figures.memory[1] = this.memoryBytes;
    figures.slowestMs = ends.slowestMs;
    figures.left = ends.client.openConnections + ends.server.openConnections;
    return figures;
  }

  private get memoryBytes(): number {
    return this.ends.client.memoryBytes + this.ends.server.memoryBytes;
  }

  /** An honest connection on the same instances. @returns bytes that have come back */
  honest(): number {
    const { ends } = this;
    ends.begin();
    ends.talk();
    const body = Buffer.alloc(ECHO_BYTES, 7);
    ends.write('client', body);
    ends.talk();
    ends.write('server', body.subarray(0, ends.bytesRead.server));
    ends.talk();
    const { client } = ends.bytesRead;
    ends.clear();
    return client;
  }

  private round(): void {
    const { ends, dice, figures } = this;
    const target: Role = dice.percent(70) ? 'server' : 'client';
    const peer: Role = target === 'server' ? 'client' : 'server';
    this.number = FIRST_NUMBER;
    figures.connections++;
    ends.begin();
    const isWhole = dice.percent(70);
    if (isWhole) {
      const whole = [...ends.sent.client];
      ends.talk();
      ends.write('client', Buffer.alloc(500, 1));
      whole.push(...ends.sent.client);
      ends.talk();
      this.remember(whole);
    }
    if (isWhole && !(ends.isConnected.client && ends.isConnected.server)) throw new Error('they are not connected');
    const attack = isWhole ? this.inside(target, peer) : this.handshake(target, peer);
    // Some more to what is over: it has to bear them, too.
    for (let count = 0, over = 0; count < DATAGRAMS && over < AFTERWARDS; count++) {
      attack();
      if (ends.losses[target] !== undefined) over++;
    }
    const loss = ends.losses[target];
    if (loss === undefined) figures.survivors++;
    else {
      const name = `${target} ${loss.kind} 0x${loss.code.toString(16)}`;
      figures.losses[name] = (figures.losses[name] ?? 0) + 1;
    }
    ends.clear();
    // What was closed by force is known no more; strangers of the server's are, until they are over.
    ends.nowMs += 1000;
  }

  private remember(datagrams: Buffer[]): void {
    this.real.push(...datagrams);
    if (this.real.length > 200) this.real.splice(0, this.real.length - 200);
  }

  private send(target: Role, kind: string, datagram: Buffer, port?: number): void {
    const { ends, dice, figures } = this;
    figures.datagrams++;
    figures.kinds[kind] = (figures.kinds[kind] ?? 0) + 1;
    if (kind.startsWith('sealed') && ends.numbers[target] >= 0 && ends.losses[target] === undefined) figures.parsed++;
    ends.deliver(target, datagram, port);
    ends.sent[target].length = 0;
    if (dice.percent(5)) ends.pass(target, dice.percent(80) ? dice.below(30) : dice.below(3000));
  }

  /** Into a connection that is there, by its 1-RTT keys. */
  private inside(target: Role, peer: Role): () => void {
    const { ends, dice, frames } = this;
    const keys = this.secrets.keys(peer === 'client' ? 'CLIENT_TRAFFIC_SECRET_0' : 'SERVER_TRAFFIC_SECRET_0');
    const next = keys.next();
    // Its id for the target is in what the peer sends.
    ends.write(peer, Buffer.alloc(50, 2));
    const [last] = ends.taken(peer).slice(-1);
    const id = Buffer.from((last as Buffer).subarray(1, 1 + ID_BYTES));
    const sealed = (payload: Buffer) => {
      const hasNewKeys = dice.percent(1);
      const first = 0x43 | (hasNewKeys || dice.percent(1) ? 4 : 0) | (dice.percent(1) ? 0x18 : 0);
      // Numbers jump, repeat and go back.
      this.number += dice.percent(90) ? 1 : dice.below(300) - 100;
      return (hasNewKeys ? next : keys).seal(
        Buffer.concat([Buffer.from([first]), id]),
        Math.max(0, this.number),
        payload,
      );
    };
    return () => {
      const packet = sealed(frames.payload());
      const kind = dice.below(100);
      if (kind < 78) this.send(target, 'sealed 1-RTT', packet, dice.percent(2) ? 50_000 + dice.below(20) : undefined);
      else if (kind < 84) this.send(target, 'changed after sealing', frames.mutated(packet));
      else if (kind < 87) this.send(target, 'truncated', packet.subarray(0, dice.below(packet.length)));
      else if (kind < 90) this.send(target, 'spoofed id', this.spoofed(id));
      else if (kind < 94) this.send(target, 'coalesced', Buffer.concat([this.longNoise(id), packet]));
      else this.stranger(target);
    };
  }

  /** Into a handshake that is under way, by the keys of Handshake packets; strangers begin others. */
  private handshake(target: Role, peer: Role): () => void {
    const { ends, dice, frames } = this;
    const [hello] = ends.taken('client');
    this.remember([hello as Buffer]);
    ends.deliver('server', hello as Buffer);
    const flight = ends.taken('server');
    let toTarget = flight;
    if (target === 'client') {
      // The ServerHello only: it has the keys then, and waits for the rest, which is in `toTarget`.
      ends.deliver('client', longPackets(flight[0] as Buffer)[0]?.bytes as Buffer);
      ends.taken('client');
    } else {
      for (const datagram of flight) ends.deliver('client', datagram);
      toTarget = ends.taken('client');
    }
    const keys = this.secrets.keys(`${peer === 'client' ? 'CLIENT' : 'SERVER'}_HANDSHAKE_TRAFFIC_SECRET`);
    const original = toTarget.flatMap(longPackets).find(({ isInitial }) => !isInitial);
    if (original === undefined) throw new Error('there is no Handshake packet');
    const { bytes, numberAt } = original;
    const plain = keys.open(bytes, numberAt);
    const ids = bytes.subarray(5, 5 + 2 + 2 * ID_BYTES);
    const seal = (payload: Buffer) => {
      const size = Buffer.alloc(2);
      size.writeUInt16BE(0x4000 | (payload.length + 4 + 16));
      return keys.seal(Buffer.concat([Buffer.from([0xe3]), VERSION, ids, size]), ++this.number, payload);
    };
    return () => {
      const kind = dice.below(100);
      if (kind < 40) this.send(target, 'sealed Handshake', seal(atLeast4(frames.mutated(plain))));
      else if (kind < 60) this.send(target, 'sealed Handshake', seal(frames.payload()));
      else if (kind < 70) this.send(target, 'changed after sealing', frames.mutated(seal(plain)));
      else this.stranger(target);
    };
  }

  /** Somebody who has no connection. */
  private stranger(target: Role): void {
    const { dice, frames } = this;
    const port = 1024 + dice.below(60_000);
    const kind = dice.below(100);
    if (kind < 30 && target === 'server' && this.real.length > 0) {
      this.send(target, 'Initial with true keys', this.initial(), port);
    } else if (kind < 70 && this.real.length > 0) {
      const real = this.real[dice.below(this.real.length)] as Buffer;
      this.send(target, 'changed from the wire', frames.mutated(real), port);
    } else if (kind < 80) {
      this.send(target, 'noise with a long header', this.longNoise(dice.bytes(dice.below(21))), port);
    } else this.send(target, 'noise', dice.bytes(dice.below(100)), port);
  }

  /** A ClientHello that is changed and sealed again, for an id of its own. */
  private initial(): Buffer {
    const { dice, frames, real } = this;
    const hellos = real.filter((datagram) => ((datagram[0] as number) & 0xf0) === 0xc0);
    const [packet] = longPackets(hellos[dice.below(hellos.length)] as Buffer);
    const { bytes, numberAt } = packet as LongPacket;
    const plain = PacketKeys.initial(bytes.subarray(6, 6 + ID_BYTES), 'client').open(bytes, numberAt);
    const id = dice.bytes(dice.percent(90) ? 8 + dice.below(13) : dice.below(21));
    const changed = dice.percent(15) ? frames.payload() : frames.mutated(plain);
    const filled = Buffer.alloc(Math.max(changed.length, MIN_INITIAL_BYTES));
    changed.copy(filled);
    const size = Buffer.alloc(2);
    size.writeUInt16BE(0x4000 | (filled.length + 4 + 16));
    const ids = Buffer.concat([Buffer.from([id.length]), id, Buffer.from([ID_BYTES]), dice.bytes(ID_BYTES)]);
    const token = dice.percent(80) ? Buffer.from([0]) : Buffer.concat([Buffer.from([40]), dice.bytes(40)]);
    const header = Buffer.concat([Buffer.from([0xc3]), VERSION, ids, token, size]);
    return PacketKeys.initial(id, 'client').seal(header, dice.below(3), filled);
  }

  private spoofed(id: Buffer): Buffer {
    return Buffer.concat([Buffer.from([0x40 | this.dice.below(64)]), id, this.dice.bytes(this.dice.below(60))]);
  }

  private longNoise(id: Buffer): Buffer {
    const { dice } = this;
    const first = Buffer.from([0xc0 | dice.below(64)]);
    const version = dice.percent(80) ? VERSION : dice.bytes(4);
    const ids = [Buffer.from([id.length]), id, Buffer.from([8]), dice.bytes(8)];
    const body = dice.bytes(dice.below(60));
    return Buffer.concat([first, version, ...ids, Buffer.from([0, body.length]), body]);
  }
}

function atLeast4(payload: Buffer): Buffer {
  return payload.length < 4 ? Buffer.concat([payload, Buffer.alloc(4)]) : payload;
}

/** The packets of a datagram that have long headers, with ids of 16 bytes or others. */
function longPackets(datagram: Buffer): LongPacket[] {
  const packets: LongPacket[] = [];
  let rest = datagram;
  while (rest.length > 0 && ((rest[0] as number) & 0x80) !== 0) {
    const isInitial = ((rest[0] as number) & 0x30) === 0;
    let at = 5;
    for (let ids = 0; ids < 2; ids++) at += 1 + (rest[at] as number);
    // A hostile server has given the client tokens.
    if (isInitial) at += sum(readVarint(rest, at));
    const [wide, length] = readVarint(rest, at);
    const numberAt = at + wide;
    packets.push({ bytes: Buffer.from(rest.subarray(0, numberAt + length)), numberAt, isInitial });
    rest = rest.subarray(numberAt + length);
  }
  return packets;
}

const sum = ([bytes, value]: readonly [number, number]) => bytes + value;

/** @returns bytes of the number, and the number */
function readVarint(bytes: Buffer, at: number): readonly [bytes: number, value: number] {
  const wide = 1 << ((bytes[at] as number) >> 6);
  if (wide > 4) throw new Error('no length of a packet is so long');
  return [wide, wide === 1 ? (bytes[at] as number) : bytes.readUIntBE(at, wide) % 2 ** (8 * wide - 2)];
}
