import { appendFileSync } from 'node:fs';
import { SeldomWarning } from 'nnrp-runtime/transport';

/** A reader of the file can read the connections. */
const OWNER_ONLY = 0o600;

/** A file that secrets of handshakes are appended to, as SSLKEYLOGFILE of browsers. */
export class KeyLogFile {
  private static readonly files = new Map<string, KeyLogFile>();
  private readonly warning = new SeldomWarning();

  private constructor(private readonly path: string) {}

  static at(path: string): KeyLogFile {
    const file = KeyLogFile.files.get(path) ?? new KeyLogFile(path);
    KeyLogFile.files.set(path, file);
    return file;
  }

  /** A file that cannot be written is a warning: the connections do not depend on it. */
  readonly write = (lines: Uint8Array): void => {
    try {
      appendFileSync(this.path, lines, { mode: OWNER_ONLY });
    } catch (error) {
      this.warning.say(`keyLogFile cannot be written: ${this.path}`, error);
    }
  };
}
