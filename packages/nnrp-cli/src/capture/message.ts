/** A message that comes in frames. Its bytes are collected as they come: a capture may have millions of empty fragments. */
export class Message {
  /** Frames so far. */
  frames = 0;
  private buffer: Uint8Array = new Uint8Array(0);
  private filled = 0;

  /** @param at - byte of the capture where the first frame begins */
  constructor(
    readonly at: number,
    readonly opcode: number,
  ) {}

  get bytes(): Uint8Array {
    return this.buffer.subarray(0, this.filled);
  }

  /** Adds the payload of a frame. The only frame of a message is not copied. */
  add(payload: Uint8Array): void {
    this.frames++;
    if (this.frames === 1) this.buffer = payload;
    else {
      const needed = this.filled + payload.length;
      if (this.frames === 2 || needed > this.buffer.length) {
        const larger = new Uint8Array(Math.max(needed, this.filled * 2));
        larger.set(this.bytes);
        this.buffer = larger;
      }
      this.buffer.set(payload, this.filled);
    }
    this.filled += payload.length;
  }
}
