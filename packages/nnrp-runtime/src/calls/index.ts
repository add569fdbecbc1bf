/*
 * Calls with names and metadata, and the profile for language models on top of them: `nnrp-runtime/calls`.
 */

export { checkSessionOptions } from '../client/contract/check-session-options.js';
export { handlersOf } from '../server/serve/check-handlers.js';
export { AssembledChoices } from './chat/assembled-choices.js';
export { CHAT, type ChatAnswer, ChatStream, chat } from './chat/chat.js';
export { type ChatOutcome, type ChatSource, chatHandler } from './chat/chat-handler.js';
export type {
  ChatChoice,
  ChatCompletion,
  ChatDelta,
  ChatMessage,
  ChatRequest,
  ChatUsage,
  OtherDelta,
  TextDelta,
  ToolCall,
  ToolCallDelta,
  ToolCallsDelta,
  UsageDelta,
} from './chat/chat-shapes.js';
export { messageText } from './chat/chat-text.js';
export { type CallingSession, call, callStream, profileCall } from './client/call.js';
export type { CallOptions } from './client/call-options.js';
export type { CallAnswer, CallInterceptor, CallRequest } from './client/call-request.js';
export { CallStream } from './client/call-stream.js';
export { retries } from './client/retries.js';
export type { RetryOptions } from './client/retry-options.js';
export { type CallRecord, callLogging } from './logging.js';
export { authentication } from './server/authentication.js';
export type { CallHandler, IncomingCall, ServerInterceptor } from './server/incoming-call.js';
export { type CallFacts, callOf, replaceCallMetadata } from './server/read-call.js';
export { CallRouter, createRouter } from './server/router.js';
export type { RouterOptions } from './server/router-options.js';
export type { CallSchema } from './wire/envelope.js';
export type { CallMetadata } from './wire/metadata.js';
export type { CallRoute } from './wire/route.js';
export type { CallSteps } from './wire/steps.js';
