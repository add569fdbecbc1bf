import type { IncomingMessage, ServerResponse } from 'node:http';
import type { NnrpServer } from 'nnrp-runtime';
import type { Access } from './access.js';
import { Inspection, sessionQuery } from './inspector/inspection.js';
import { pageFile } from './inspector/page-files.js';
import type { LiveOperations } from './live-operations.js';
import { isDraining, ServerMetrics } from './server-metrics.js';

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const PROBES: readonly string[] = ['/healthz', '/readyz'];
const JSON_TYPE = 'application/json; charset=utf-8';
const PLAIN = 'text/plain; charset=utf-8';

/** Answers requests about a server. What a request says is looked at, and never said again. */
export class AdminHandler {
  /** Whether the page can reach its server: it needs a port of its own. */
  hasPage = false;
  private readonly metrics: ServerMetrics;
  private readonly inspection: Inspection;

  constructor(
    private readonly server: NnrpServer,
    private readonly access: Access,
    private readonly openProbes: boolean,
    operations: LiveOperations,
  ) {
    this.metrics = new ServerMetrics(server, operations);
    this.inspection = new Inspection(server, operations);
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A peer that leaves early is no fault of this server: the error is ignored.
    response.on('error', ignore);
    request.on('error', ignore);
    const { status, text, contentType = PLAIN, headers } = await this.answer(request).catch(() => FAILED);
    if (response.headersSent || response.destroyed) return;
    const length = String(Buffer.byteLength(text));
    // A refused peer does not keep its connection.
    const end = status === 401 || status === 403 ? { connection: 'close' } : {};
    response.writeHead(status, { ...SAFE, 'content-type': contentType, 'content-length': length, ...headers, ...end });
    response.end(request.method === 'HEAD' ? undefined : text);
  }

  private async answer(request: IncomingMessage): Promise<Answer> {
    const [path = '', search = ''] = (request.url ?? '').split('?', 2);
    const page = this.hasPage ? pageFile(path) : undefined;
    // The page itself says nothing of the server: it asks for the token, and brings it with its session.
    const isOpen = (this.openProbes && PROBES.includes(path)) || (page !== undefined && this.access.needsToken);
    const refusal = isOpen ? undefined : this.access.refusal(request);
    if (refusal === 401) return { status: 401, text: 'a token is needed\n', headers: { 'www-authenticate': 'Bearer' } };
    if (refusal === 403) return { status: 403, text: 'only this machine may ask: give the admin a token for others\n' };
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return { status: 405, text: 'GET or HEAD\n', headers: { allow: 'GET, HEAD' } };
    if (page !== undefined) return page;
    switch (path) {
      case '/healthz':
        return { status: 200, text: 'ok\n' };
      case '/readyz':
        return isDraining(this.server) ? { status: 503, text: 'draining\n' } : { status: 200, text: 'ready\n' };
      case '/metrics':
        return { status: 200, text: await this.metrics.text(), contentType: this.metrics.contentType };
      case '/status':
        return { status: 200, text: `${JSON.stringify(this.inspection.overview())}\n`, contentType: JSON_TYPE };
      case '/sessions': {
        const query = sessionQuery(Object.fromEntries(new URLSearchParams(search)));
        if (typeof query === 'string') return { status: 400, text: `${query}\n` };
        const found = await this.inspection.sessions(query);
        return { status: 200, text: `${JSON.stringify(found)}\n`, contentType: JSON_TYPE };
      }
      default:
        return { status: 404, text: '/metrics, /healthz, /readyz, /status and /sessions are here\n' };
    }
  }
}

const FAILED: Answer = { status: 500, text: 'the answer could not be made\n' };
const SAFE = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };

function ignore(): void {}
