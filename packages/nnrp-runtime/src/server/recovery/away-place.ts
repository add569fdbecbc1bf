import type { Guarded } from '../../base/guard.js';
import { ConnectionMemory, type ServerMemory } from '../bounds/server-memory.js';
import type { ServerBounds } from '../contract/server-bounds.js';
import type { NnrpServerConfig } from '../contract/server-config.js';
import { ConnectionGate } from '../operation/connection-gate.js';
import { RoomLine } from '../operation/room-line.js';

/** Partial results that wait because so much is kept, of all suspended sessions together. */
export interface HeldWhileAway {
  bytes: number;
  readonly maxBytes: number;
}

/** What a suspended session has in place of what its connection would have for it. */
export class AwayPlace {
  readonly memory: ConnectionMemory;
  readonly gate: ConnectionGate;
  /** Nothing waits for room: there is no outbox, and what is kept is bounded by the gate. */
  readonly room: RoomLine;

  /**
   * @param isFull - whether so much is kept that partial results should wait
   * @param held - those that wait, over all suspended sessions
   */
  constructor(
    memory: ServerMemory,
    config: NnrpServerConfig,
    bounds: Pick<ServerBounds, 'hit'>,
    owner: Guarded,
    isFull: () => boolean,
    held: HeldWhileAway,
  ) {
    // There is nothing to be read, and so nothing to stop reading.
    this.memory = new ConnectionMemory(memory, config, { hold: () => {}, release: () => {} });
    this.gate = new AwayGate(owner, isFull, held);
    this.room = new RoomLine(NO_OUTBOX, Number.POSITIVE_INFINITY, bounds);
  }

  end(): void {
    this.memory.end();
    this.gate.end();
  }
}

const NO_OUTBOX = Object.freeze({ byteLength: 0 });

/** The client says nothing; results wait when too much is kept. */
class AwayGate extends ConnectionGate {
  constructor(
    owner: Guarded,
    private readonly isFull: () => boolean,
    private readonly all: HeldWhileAway,
  ) {
    super(owner);
  }

  override count(results: number, bytes: number): void {
    super.count(results, bytes);
    this.all.bytes += bytes;
  }

  override hasRoom(bytes: number): boolean {
    return this.all.bytes + bytes <= this.all.maxBytes;
  }

  override get isSilent(): boolean {
    return false;
  }

  override holds(): boolean {
    return this.isFull();
  }
}
