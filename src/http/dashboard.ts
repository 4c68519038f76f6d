import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { notFound } from '../errors';
import { sendProblem } from './problem.filter';
import { StaticContent } from './static-content';

/** The page may load and run only what this service serves. */
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "font-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

/** Addresses of the API: a program gets a 404 problem there, not the page. */
const reserved = /^\/(v1|health|metrics|docs|openapi\.json|assets)(\/|$)/;

const folder = join(__dirname, '../../dashboard/dist');

/** Read when the process starts. Its ETag is its content: a new build may have the same size and time. */
const page = existsSync(join(folder, 'index.html')) ? readPage() : undefined;

function readPage(): StaticContent {
  const html = readFileSync(join(folder, 'index.html'));
  return new StaticContent('text/html; charset=utf-8', () => html);
}

const build = page?.version ?? 'none';

/** Identifies the build of the dashboard that this process serves. Another build has other assets, so another page. */
export const dashboardBuild = (): string => build;

/**
 * The dashboard: assets under names that contain a hash of their content, so they are cached forever, and the one page for
 * every other address that a browser asks for. The page reads the address itself.
 */
export function serveDashboard(fastify: FastifyInstance): void {
  if (page)
    void fastify.register(fastifyStatic, {
      root: join(folder, 'assets'),
      prefix: '/assets/',
      // A route for each file, so no address can lead to another file. The compressed ones are made by the build.
      wildcard: false,
      globIgnore: ['**/*.br', '**/*.gz'],
      preCompressed: true,
      immutable: true,
      maxAge: '1y',
      // Swagger's page has registered the plugin already.
      decorateReply: false,
    });
  fastify.get('/*', async (request, reply) => {
    const path = request.url.split('?')[0]!;
    if (!wantsPage(request, path) || reserved.test(path)) return nothingHere(request, reply);
    if (!page) return sendProblem(notFound('The dashboard is not built. Run: npm run build'), request, reply);
    // Always revalidated, so that a new build is seen. Usually nothing has changed.
    void reply.header('cache-control', 'no-cache');
    void reply.header('content-security-policy', pagePolicy).header('referrer-policy', 'same-origin');
    return page.send(request, reply);
  });
}

/**
 * At `/`, clients that accept any type get the page: curl and the health checks of load balancers. Elsewhere such a client
 * has a wrong address, and a page would hide that.
 */
function wantsPage({ headers: { accept = '*/*' } }: FastifyRequest, path: string): boolean {
  return (path === '/' ? /\btext\/(html\b|\*)|\*\/\*/ : /\btext\/html\b/).test(accept);
}

function nothingHere(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  sendProblem(notFound('Look at /docs for the addresses of this service.'), request, reply);
  return reply;
}
