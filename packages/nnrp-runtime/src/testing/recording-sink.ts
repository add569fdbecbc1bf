import { describeFault, type NnrpError, type Packet, type UsageError, type WireFault } from 'nnrp-core';
import type { PacketSink } from '../transport/contract/contract.js';
import { DEFAULT_TIMEOUT_MS, within } from './within.js';

/** A sink that remembers every call, and can be waited upon. */
export class RecordingSink implements PacketSink {
  readonly packets: Packet[] = [];
  readonly faults: WireFault[] = [];
  /** One entry per call of `closed`: its argument. */
  readonly closes: (NnrpError | undefined)[] = [];
  /** Frame ids of packets that were left out, and why. */
  readonly unsentFrames: number[] = [];
  readonly unsentErrors: UsageError[] = [];
  /** Calls that came after `closed`, where none may come. */
  readonly late: string[] = [];
  drains = 0;
  /** Called with each packet, inside the transport's own call. */
  onPacket: ((packet: Packet) => void) | undefined;
  /** Called inside the call of this name. */
  onDrained: (() => void) | undefined;
  onClosed: (() => void) | undefined;
  private waiters: { readonly condition: () => boolean; readonly resolve: () => void }[] = [];
  private delivering = false;

  constructor(private readonly timeoutMs: number = DEFAULT_TIMEOUT_MS) {}

  packet(packet: Packet): void {
    if (this.delivering) this.late.push('packet inside packet');
    this.delivering = true;
    try {
      this.note('packet');
      this.packets.push(packet);
      this.onPacket?.(packet);
    } finally {
      this.delivering = false;
      this.changed();
    }
  }

  broken(fault: WireFault): void {
    this.note('broken');
    this.faults.push(fault);
    this.changed();
  }

  drained(): void {
    this.note('drained');
    this.drains++;
    this.changed();
    this.onDrained?.();
  }

  unsent(head: Packet, error: UsageError): void {
    this.note('unsent');
    this.unsentFrames.push(head.frameId);
    this.unsentErrors.push(error);
    this.changed();
  }

  closed(error?: NnrpError): void {
    this.note('closed');
    this.closes.push(error);
    this.changed();
    this.onClosed?.();
  }

  /** Resolves once `condition` holds; it is looked at after every call. @param what - see {@link within} */
  until(condition: () => boolean, what: string): Promise<void> {
    if (condition()) return Promise.resolve();
    const met = new Promise<void>((resolve) => this.waiters.push({ condition, resolve }));
    return within(met, this.timeoutMs, what, () => `; so far ${this.summary()}`);
  }

  untilPackets(count: number): Promise<void> {
    return this.until(() => this.packets.length >= count, `packet ${count}`);
  }

  untilClosed(): Promise<void> {
    return this.until(() => this.closes.length > 0, 'the end of the connection');
  }

  private summary(): string {
    const faults = this.faults.map((fault) => `, broken: ${describeFault(fault)}`).join('');
    const closes = this.closes.map((error) => `, closed: ${error?.message ?? 'in order'}`).join('');
    return `${this.packets.length} packets, ${this.drains} times drained${faults}${closes}`;
  }

  private note(call: string): void {
    if (this.closes.length > 0) this.late.push(`${call} after closed`);
  }

  private changed(): void {
    this.waiters = this.waiters.filter(({ condition, resolve }) => {
      if (!condition()) return true;
      resolve();
      return false;
    });
  }
}
