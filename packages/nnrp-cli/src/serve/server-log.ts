import type { NnrpError, NnrpServer } from 'nnrp-runtime';
import type { CliIo } from '../cli-io.js';
import { sessionErrorName } from '../error-code-name.js';
import { errorText, errorWithPlace } from '../terminal-text.js';
import { isLogged, type LogLevel } from './config/log-level.js';
import { LimitedLog } from './limited-log.js';

/** What happens to a server, in lines on standard error: as many a second as {@link LimitedLog} allows. */
export class ServerLog {
  private readonly lines: LimitedLog;

  constructor(
    { stderr }: CliIo,
    private readonly wanted: LogLevel,
  ) {
    this.lines = new LimitedLog(stderr);
  }

  write(level: Exclude<LogLevel, 'silent'>, text: string): void {
    if (isLogged(level, this.wanted)) this.lines.line(text);
  }

  handshakeFailed(error: NnrpError): void {
    this.write('warning', error.message);
  }

  follow(server: NnrpServer): void {
    server.on('sessionRefused', ({ remoteAddress, errorCode, cause }) => {
      const why = cause === undefined ? '' : `, ${errorText(cause)}`;
      this.write('warning', `refused ${remoteAddress}: ${sessionErrorName(errorCode)}${why}`);
    });
    server.on('protocolViolation', ({ remoteAddress, sessionId, error }) => {
      this.write('warning', `violation ${remoteAddress} session ${sessionId}: ${error.message}`);
    });
    server.on('connectionLost', ({ remoteAddress, sessionIds, error }) => {
      const sessions = sessionIds.length === 1 ? '1 session' : `${sessionIds.length} sessions`;
      this.write('warning', `lost ${remoteAddress} with ${sessions}: ${error.message}`);
    });
    server.on('handlerFailure', ({ sessionId, frameId, error }) => {
      this.write('error', `failed session ${sessionId} frame ${frameId}: ${errorWithPlace(error)}`);
    });
    server.on('acceptFailed', ({ failures, error }) => {
      this.write('error', `cannot take connections (${failures} since the last line): ${error.message}`);
    });
    server.on('listenerFailed', (error) => this.write('error', `listens on one address less: ${error.message}`));
    server.on('sessionSuspended', ({ remoteAddress, sessionId, windowMs }) => {
      this.write('info', `suspended session ${sessionId} of ${remoteAddress}: it can be resumed for ${windowMs} ms`);
    });
    server.on('sessionResumed', ({ remoteAddress, sessionId, awayMs }) => {
      this.write('info', `resumed session ${sessionId} of ${remoteAddress} after ${awayMs} ms`);
    });
    server.on('sessionExpired', ({ error }) => this.write('warning', `expired: ${error.message}`));
  }

  end(): void {
    this.lines.end();
  }
}
