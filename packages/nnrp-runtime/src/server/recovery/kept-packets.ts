import { Line } from '../../base/queues/line.js';
import type { LoggedPacket } from '../../connection/recovery/logged-packet.js';

/** Packets of a session that its next connection will send, in order. */
export class KeptPackets {
  /** Made when something is kept: most sessions never lose their connection. */
  private line: Line<LoggedPacket> | undefined;
  private bytes = 0;

  /** What is held for them. */
  get byteLength(): number {
    return this.bytes;
  }

  get size(): number {
    return this.line?.size ?? 0;
  }

  add(packet: LoggedPacket): void {
    this.line ??= new Line();
    this.line.push(packet);
    this.bytes += packet.retainedBytes;
  }

  /** The oldest one, which leaves; there must be one. */
  take(): LoggedPacket {
    const packet = (this.line as Line<LoggedPacket>).take();
    this.bytes -= packet.retainedBytes;
    return packet;
  }

  /** Puts packets in front that were sent before all others. */
  addBefore(packets: readonly LoggedPacket[]): void {
    const rest = this.line?.drain() ?? [];
    this.bytes = 0;
    for (const packet of [...packets, ...rest]) this.add(packet);
  }

  clear(): void {
    this.line = undefined;
    this.bytes = 0;
  }
}
