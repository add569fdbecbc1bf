/*
 * OpenAI-compatible HTTP on both sides of NNRP: `openAiHandler` in front of a model server, `createOpenAiServer` for clients of one.
 */

export { OpenAiHandler, openAiHandler } from './handler/openai-handler.js';
export { createOpenAiServer, OpenAiServer } from './http/openai-server.js';
export type { AuthorizeHttp, HttpCaller, OpenAiServerOptions } from './http/server-options.js';
export type { OpenAiHandlerOptions } from './upstream/handler-options.js';
