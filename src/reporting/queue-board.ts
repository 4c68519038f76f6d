import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Queue } from 'bullmq';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { forbidden, unauthenticated, unavailable } from '../errors';
import { readsOnly, refuseOtherSites } from '../auth/auth.guard';
import { asHoldfastError, sendThrown } from '../http/problem.filter';
import { Sessions, sessionToken } from '../auth/sessions';
import { type QueueName, Queues, queueNames } from '../queue/queues';
import { boardPath } from './overview/queue-report';

/** Allows the inline styles of this document, and still no other host than ours. */
const boardPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "font-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

const foreignLinks = /<link [^>]*href="https?:[^>]*>/g;

/** Told to the board's handlers, which are shown nothing of the request but its headers. Ours alone: a caller's is overwritten. */
const roleHeader = 'x-holdfast-role';

/**
 * BullMQ's own board, behind the dashboard's session. A viewer's is read-only: it shows no buttons, and what it sends all
 * the same is refused.
 */
export function serveQueueBoard(app: NestFastifyApplication): void {
  const fastify: FastifyInstance = app.getHttpAdapter().getInstance();
  const sessions = app.get(Sessions);
  const board = new Board(app.get(Queues));
  void fastify.register(async (scope) => {
    scope.addHook('onRequest', async (request, reply) => {
      try {
        request.headers[roleHeader] = await roleOf(request, sessions);
        await board.refresh().catch((error: Error) => {
          throw unavailable(`The queues do not answer (${error.message}). Orders go on all the same.`);
        });
      } catch (error) {
        return sendBack(error, request, reply);
      }
    });
    scope.addHook('onSend', async (_, reply, payload) => {
      if (!/^text\/html/.test(String(reply.getHeader('content-type')))) return payload;
      void reply.header('content-security-policy', boardPolicy).header('referrer-policy', 'same-origin');
      return typeof payload === 'string' ? payload.replace(foreignLinks, '') : payload;
    });
    await scope.register(board.adapter.registerPlugin(), { prefix: boardPath });
  });
}

async function roleOf(request: FastifyRequest, sessions: Sessions): Promise<string> {
  const session = await sessions.find(sessionToken(request) ?? '');
  if (!session) throw unauthenticated('Sign in to the dashboard first.');
  const { role } = session.principal;
  if (readsOnly(request)) return role;
  // The board's scripts do not send our header; the browser's own headers show that they run on our page.
  refuseOtherSites(request, { byScript: false });
  if (role !== 'admin') throw forbidden('A viewer may look at the jobs, not change them.');
  return role;
}

/** A browser without a session goes to the sign-in page; everything else gets the problem. */
function sendBack(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (asHoldfastError(error).status === 401 && /\btext\/html\b/.test(String(request.headers.accept ?? '')))
    return reply.redirect('/queues');
  sendThrown(error, request, reply);
  return reply;
}

class Board {
  readonly adapter = new FastifyAdapter().setBasePath(boardPath);
  private readonly shown = new Map<QueueName, Queue>();
  private readonly board = createBullBoard({
    queues: [],
    serverAdapter: this.adapter,
    options: {
      uiConfig: {
        boardTitle: 'Holdfast queues',
        hideDocsLink: true,
        miscLinks: [{ text: 'Dashboard', url: '/queues' }],
      },
      handlerHooks: {
        after: ({ request }, answer) => {
          if (request?.headers[roleHeader] === 'viewer') hideButtons(answer.body);
          return answer;
        },
      },
    },
  });

  constructor(private readonly queues: Queues) {}

  /** A queue is reopened after a failure; the board must show the one that is open. */
  async refresh(): Promise<void> {
    for (const name of queueNames) {
      const queue = await this.queues.ask(name, async (open) => open);
      if (this.shown.get(name) === queue) continue;
      this.shown.set(name, queue);
      this.board.setQueues([new BullMQAdapter(queue)]);
    }
  }
}

function hideButtons(body: unknown): void {
  const { queues } = (body ?? {}) as { queues?: Record<string, unknown>[] };
  for (const queue of queues ?? [])
    Object.assign(queue, { readOnlyMode: true, allowRetries: false, allowCompletedRetries: false });
}
