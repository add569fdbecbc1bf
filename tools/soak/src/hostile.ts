import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildPacket, PacketSplitter } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { submitMetadata } from 'nnrp-runtime';
import { AnswerBook } from './answer-book.js';
import type { Dice } from './dice.js';
import type { Faults } from './faults.js';
import type { Totals } from './session-book.js';

const { MessageType, SessionPriorityClass } = preview3;
/** How long a slow reader may need for what it asked for, once it reads. */
const READ_MS = 30_000;

function bytes(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function openBytes(): Uint8Array {
  const metadata = new Uint8Array(preview3.SESSION_OPEN_BYTES);
  const open: preview3.SessionOpen = {
    requestedSessionId: 0,
    profileId: preview3.ProfileId.Token,
    priorityClass: SessionPriorityClass.Balanced,
    sessionFlags: 0,
    schemaId: preview3.TOKEN_DELTA_SCHEMA_ID,
    schemaVersion: preview3.TOKEN_DELTA_SCHEMA_VERSION,
    defaultDeadlineMs: 0,
    maxInFlightOperations: 4,
    leaseTtlHintMs: 0,
    resumeTokenBytes: 0,
    authBytes: 0,
    sessionExtensionBytes: 0,
    clientSessionTag: 0n,
  };
  preview3.encodeSessionOpen(open, new DataView(metadata.buffer));
  return bytes(buildPacket({ messageType: MessageType.SessionOpen, sessionId: 0, frameId: 0 }, metadata));
}

function submitBytes(sessionId: number, frameId: number, body: string): Uint8Array {
  const metadata = new Uint8Array(preview3.FRAME_SUBMIT_BYTES);
  preview3.encodeFrameSubmit(submitMetadata(), new DataView(metadata.buffer));
  const header = { messageType: MessageType.FrameSubmit, sessionId, frameId };
  return bytes(buildPacket(header, metadata, new TextEncoder().encode(body)));
}

type Habit = 'noise' | 'half' | 'silent' | 'crowd' | 'lie' | 'flood' | 'slow';

/** Peers that keep no rule, one after the other: they come, do harm and go. The server has to stand it. */
export class Hostile {
  visits = 0;
  private stopped = false;

  constructor(
    private readonly port: number,
    private readonly dice: Dice,
    private readonly totals: Totals,
    private readonly faults: Faults,
  ) {}

  async run(): Promise<void> {
    while (!this.stopped) {
      await this.visit().catch((error: unknown) => this.faults.note('hostile', error));
      this.visits++;
      await sleep(this.dice.below(200));
    }
  }

  stop(): void {
    this.stopped = true;
  }

  private async visit(): Promise<void> {
    const socket = createConnection({ host: '127.0.0.1', port: this.port, noDelay: true });
    // However the server gets rid of it is right.
    socket.on('error', () => {});
    await once(socket, 'connect');
    const habit = this.dice.choose<Habit>([
      [3, 'noise'],
      [2, 'half'],
      [1, 'silent'],
      [3, 'crowd'],
      [2, 'lie'],
      [2, 'flood'],
      [2, 'slow'],
    ]);
    try {
      if (habit === 'slow') await this.readSlowly(socket);
      else await this.misbehave(socket, habit);
    } finally {
      if (!socket.destroyed) {
        if (this.dice.chance(0.5)) socket.resetAndDestroy();
        else socket.destroy();
      }
    }
  }

  private async misbehave(socket: Socket, habit: Exclude<Habit, 'slow'>): Promise<void> {
    const { dice } = this;
    const noise = () => Uint8Array.from({ length: 20 + dice.below(200) }, () => dice.below(256));
    if (habit === 'noise') socket.write(noise());
    else if (habit === 'half') socket.write(openBytes().subarray(0, 1 + dice.below(60)));
    else if (habit !== 'silent') {
      const sessionId = await openOn(socket);
      socket.resume();
      if (habit === 'crowd') {
        // More than may be in flight, some of it twice, and gone before the answers.
        for (let frameId = 1; frameId <= 30; frameId++) {
          socket.write(submitBytes(sessionId, dice.chance(0.2) ? 1 : frameId, 'hold'));
        }
      } else if (habit === 'lie') {
        socket.write(submitBytes(sessionId, 1, 'hold'));
        socket.write(submitBytes(sessionId, dice.below(2), 'hold'));
        socket.write(submitBytes(sessionId + 100_000, 1, 'echo'));
        socket.write(noise());
      } else {
        for (let frameId = 1; frameId <= 300; frameId++) socket.write(submitBytes(sessionId, frameId, 'later 5'));
      }
    }
    await sleep(dice.below(150));
  }

  /** Asks for much and does not read for a while; then it reads on, and has to get everything, or is gone. */
  private async readSlowly(socket: Socket): Promise<void> {
    const { dice } = this;
    const sessionId = await openOn(socket);
    const books = new AnswerBook(this.totals);
    const splitter = new PacketSplitter();
    books.begin(sessionId);
    const book = books.session(sessionId);
    for (let frameId = 1; frameId <= 4; frameId++) {
      socket.write(submitBytes(sessionId, frameId, 'stream 400 4000'));
      book?.sent(frameId);
      book?.submitted(frameId);
    }
    await sleep(500 + dice.below(1500));
    if (dice.chance(0.3)) {
      books.closeAll(true);
      return;
    }
    socket.on('data', (chunk: Buffer) => {
      splitter.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
      for (let packet = splitter.next(); packet !== undefined; packet = splitter.next()) books.enter(packet);
    });
    const untilMs = performance.now() + READ_MS;
    while ((book?.waiting ?? 0) > 0 && performance.now() < untilMs && !socket.destroyed) await sleep(10);
    books.closeAll(false);
  }
}

/** Opens a session and leaves the socket paused. @returns its id */
async function openOn(socket: Socket): Promise<number> {
  socket.write(openBytes());
  const splitter = new PacketSplitter();
  for (;;) {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) {
      await Promise.race([once(socket, 'readable'), once(socket, 'close')]);
      if (socket.destroyed) throw new Error('the server closed the connection of a well-formed open');
      continue;
    }
    splitter.push(new Uint8Array(chunk));
    const packet = splitter.next();
    if (packet !== undefined) return preview3.decodeSessionOpenAck(packet.view, packet.metadataStart).sessionId;
  }
}
