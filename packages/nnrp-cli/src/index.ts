// The command itself.
export type { CliIo } from './cli-io.js';
// What `nnrp decode` and `nnrp encode` do, without a command line.
export { answerLine, type BatchDefaults } from './codec/batch.js';
export { type CodecAnswer, type CodecRequest, performRequest } from './codec/codec-request.js';
export { RequestError, type RequestFault } from './json/request-error.js';
export { runCli } from './run-cli.js';

// What `nnrp serve` does, as handlers for `NnrpServer.serve`.
export { echo } from './serve/echo-handler.js';
export { drainOnClose } from './serve/process/drain-on-close.js';
export { loadTokensHandler, type TokensHandler } from './serve/tokens-handler.js';
