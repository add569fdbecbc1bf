// The command itself.
export type { CliIo } from './cli-io.js';
// What `nnrp decode` and `nnrp encode` do, without a command line.
export { type CodecAnswer, type CodecRequest, performRequest } from './codec/codec-request.js';
export { RequestError, type RequestFault } from './codec/request-error.js';
export { runCli } from './run-cli.js';

// What `nnrp serve` answers with, for servers of your own.
export { ECHO_HANDLER } from './serve/echo-handler.js';
export { serveSession } from './serve/serve-session.js';
export type { SubmitHandler } from './serve/submit-handler.js';
export { loadTokensHandler } from './serve/tokens-handler.js';
