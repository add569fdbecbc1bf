import { createHash } from 'node:crypto';

/** Signatures that are remembered: those of the certificates that a process meets again and again. */
const MAX_NAMES = 256;

/**
 * Signatures of certificates that were found right. Whether one is does not change with time, so the same bytes need not be
 * verified again; whether the certificate is trusted, in its time and for its name is asked each time.
 */
export class VerifiedSignatures {
  private readonly names = new Set<string>();

  /** Two have the same name only if all their bytes are the same. */
  static nameOf(algorithm: number, key: Uint8Array, message: Uint8Array, signature: Uint8Array): string {
    const lengths = Uint32Array.of(algorithm, key.length, message.length);
    return createHash('sha256').update(lengths).update(key).update(message).update(signature).digest('binary');
  }

  has(name: string): boolean {
    return this.names.has(name);
  }

  add(name: string): void {
    // The oldest one goes: a stranger that shows many certificates costs a verification each.
    if (this.names.size >= MAX_NAMES) this.names.delete(this.names.values().next().value as string);
    this.names.add(name);
  }
}
