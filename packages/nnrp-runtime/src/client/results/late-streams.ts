import { forCaller, type NnrpError } from 'nnrp-core';
import type { ResultStream } from './result-stream.js';

/**
 * Loops that were begun while the session was lost. They end when that is over: an application that begins anew as soon as
 * one has ended would never rest if they ended at once.
 */
export class LateStreams {
  private readonly streams: ResultStream[] = [];

  add(stream: ResultStream): void {
    this.streams.push(stream);
  }

  end(reason: NnrpError): void {
    for (const stream of this.streams.splice(0)) stream.end(forCaller(reason));
  }
}
