import { WaitingPacket } from './waiting-packet.js';

/** Empty places in a lane before it is moved together. */
const MIN_COMPACTION = 256;

/**
 * The packets that wait on one lane of an outbox, in order. Those that may be left out are found without looking at the
 * others again: packets come at the end only, so what has been passed over stays passed over. What leaves makes a hole;
 * nothing moves up, however much waits.
 */
export class OutboxLane {
  /** Short ones as text. */
  private packets: (WaitingPacket | string | undefined)[] = [];
  private head = 0;
  private count = 0;
  /** No packet before this place may be left out. */
  private droppable = 0;

  /** Places it holds, those of packets that have left included. */
  get placeCount(): number {
    return this.packets.length;
  }

  push(packet: WaitingPacket): void {
    this.packets.push(packet.text ?? packet);
    this.count++;
  }

  /** Takes the oldest packet. */
  take(): WaitingPacket | undefined {
    while (this.head < this.packets.length) {
      const packet = this.packets[this.head];
      this.packets[this.head++] = undefined;
      if (packet === undefined) continue;
      this.left();
      return opened(packet);
    }
    return undefined;
  }

  /** Takes the oldest partial result out of its place. */
  dropOldestPartial(): WaitingPacket | undefined {
    this.droppable = Math.max(this.droppable, this.head);
    while (this.droppable < this.packets.length) {
      const waiting = this.packets[this.droppable];
      const packet = waiting === undefined ? undefined : opened(waiting);
      if (packet?.partial === true) {
        this.packets[this.droppable++] = undefined;
        this.left();
        return packet;
      }
      this.droppable++;
    }
    return undefined;
  }

  /** Takes all packets of a session out of their places. @returns what each of them has held */
  dropSession(sessionId: number): number[] {
    const dropped: number[] = [];
    const kept: WaitingPacket[] = [];
    for (let packet = this.take(); packet !== undefined; packet = this.take()) {
      if (packet.sessionId === sessionId) dropped.push(packet.retainedBytes);
      else kept.push(packet);
    }
    this.packets = [];
    this.head = 0;
    this.droppable = 0;
    for (const packet of kept) this.push(packet);
    return dropped;
  }

  /** A packet has left. */
  private left(): void {
    this.count--;
    if (this.packets.length <= this.count * 2 + MIN_COMPACTION) return;
    // The packets that stay and have been passed over come first.
    let passed = 0;
    const packets: (WaitingPacket | string)[] = [];
    for (let place = this.head; place < this.packets.length; place++) {
      const packet = this.packets[place];
      if (packet === undefined) continue;
      packets.push(packet);
      if (place < this.droppable) passed++;
    }
    this.packets = packets;
    this.head = 0;
    this.droppable = passed;
  }
}

function opened(packet: WaitingPacket | string): WaitingPacket {
  return typeof packet === 'string' ? new WaitingPacket(packet) : packet;
}
