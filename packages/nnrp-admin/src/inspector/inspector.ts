import type { Server as HttpServer } from 'node:http';
import { HandlerError, type NnrpServer, type OperationContext } from 'nnrp-runtime';
import { bindWebSocket } from 'nnrp-transport-websocket';
import type { Access } from '../access.js';
import type { LiveOperations } from '../live-operations.js';
import { Inspection, sessionQuery } from './inspection.js';
import { tracePackets } from './packet-trace.js';
import { RecentErrors } from './recent-errors.js';

/** Where the page's WebSocket goes. */
export const INSPECTOR_PATH = '/inspect';
const MOST_INSPECTORS = 8;
/** At once: three of a refresh, what an operator wants meanwhile, and a trace. */
const MOST_QUESTIONS = 8;
/** Questions are read as JSON, which may take twenty times its text, in the process of the server. */
const MOST_QUESTION_BYTES = 16 * 1024;

/** What the page asks for. */
interface Question {
  readonly ask?: unknown;
  readonly session?: unknown;
  readonly since?: unknown;
}

/**
 * Opens the NNRP server that the page talks to, over the port of the operators. Each submit is a question, an object of JSON, and its
 * results are the answer.
 */
export async function openInspector(
  http: HttpServer,
  server: NnrpServer,
  access: Access,
  operations: LiveOperations,
): Promise<NnrpServer> {
  const inspection = new Inspection(server, operations);
  const errors = new RecentErrors(server, operations);
  const inspector = await bindWebSocket(
    { server: http, path: INSPECTOR_PATH },
    // A browser sends no token here: it comes with the open of the session. Other origins are refused by default.
    { identify: (request) => (access.needsToken || access.refusal(request) === undefined ? {} : false) },
    {
      maxConnections: MOST_INSPECTORS,
      maxSessions: MOST_INSPECTORS,
      maxInFlightOperations: MOST_QUESTIONS,
      maxPacketBytes: MOST_QUESTION_BYTES,
      resumeWindowMs: 0,
      authorize: (_open, { auth }) => !access.needsToken || access.isToken(Buffer.from(auth).toString('latin1')),
    },
  );
  const watching = new WeakMap<object, () => void>();
  void inspector
    .serve({
      session: (session) => void watching.set(session, errors.watch()),
      ended: (session) => watching.get(session)?.(),
      submit: (operation) => answer(operation, server, inspection, errors),
    })
    .catch(() => {});
  return inspector;
}

async function answer(
  operation: OperationContext,
  server: NnrpServer,
  inspection: Inspection,
  errors: RecentErrors,
): Promise<string | AsyncIterable<string>> {
  const question = questionOf(operation);
  const id = Number(question.session);
  switch (question.ask) {
    case 'overview':
      return JSON.stringify({ ...inspection.overview(), errors: errors.since(Number(question.since ?? 0)) });
    case 'sessions': {
      const query = sessionQuery(question as Readonly<Record<string, unknown>>);
      if (typeof query === 'string') throw new HandlerError('BAD_QUESTION', query);
      return JSON.stringify(await inspection.sessions(query));
    }
    case 'operations':
      return JSON.stringify(inspection.operationsOf(id) ?? noSession());
    case 'end':
      await (server.session(id) ?? noSession()).endWith(
        new HandlerError('ENDED_BY_OPERATOR', 'an operator has ended this session'),
      );
      return '{}';
    case 'trace':
      return lines(tracePackets(server.session(id) ?? noSession(), operation.signal));
    default:
      throw new HandlerError('BAD_QUESTION', 'ask takes overview, sessions, operations, end or trace');
  }
}

function questionOf(operation: OperationContext): Question {
  try {
    const question: unknown = operation.json();
    if (typeof question === 'object' && question !== null) return question;
  } catch {
    // It is answered as what is no question.
  }
  throw new HandlerError('BAD_QUESTION', 'a question is an object of JSON');
}

function noSession(): never {
  throw new HandlerError('NO_SESSION', 'there is no such session');
}

async function* lines(parts: AsyncIterable<object>): AsyncGenerator<string, void, void> {
  for await (const part of parts) yield `${JSON.stringify(part)}\n`;
}
