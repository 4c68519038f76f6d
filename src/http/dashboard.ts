import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { extname, join, sep } from 'node:path';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { notFound } from '../errors';
import { sendProblem } from './problem.filter';
import { StaticContent } from './static-content';

/** What the page may do: run and fetch what we serve, and nothing of anybody else. */
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

/** The API's own addresses: what is not found there is a problem for a program, not a page for a person. */
const reserved = /^\/(v1|health|metrics|docs|openapi\.json|assets)(\/|$)/;

const contentTypes: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

const folder = join(__dirname, '../../dashboard/dist');
const files = readBuild();
const page = files.get('index.html');

/** Read when the process starts: a build that is replaced on disk is served when the process is. */
function readBuild(): Map<string, StaticContent> {
  if (!existsSync(folder)) return new Map();
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .split(sep)
        .join('/'),
    );
  return new Map(
    names.map((name) => {
      const body = readFileSync(join(folder, name));
      const type = contentTypes[extname(name)] ?? 'application/octet-stream';
      return [name, new StaticContent(type, () => body)];
    }),
  );
}

const build = page?.version ?? 'none';

/** Names the build of the dashboard that this process serves: another build has other assets, and so another page. */
export const dashboardBuild = (): string => build;

/**
 * The dashboard: `/assets/…` under names that change with their content and so may be kept for ever, and for every other
 * address that a browser is sent to the one page, which looks at the address itself.
 */
export function serveDashboard(fastify: FastifyInstance): void {
  fastify.get('/assets/*', async (request, reply) => {
    const file = files.get(decodeURI(request.url.split('?')[0]!).slice(1));
    if (!file) return nothingHere(request, reply);
    return file.send(request, reply.header('cache-control', 'public, max-age=31536000, immutable'));
  });
  fastify.get('/*', async (request, reply) => {
    const path = request.url.split('?')[0]!;
    if (!wantsPage(request, path) || reserved.test(path)) return nothingHere(request, reply);
    if (!page) return sendProblem(notFound('The dashboard is not built. Run: npm run build'), request, reply);
    // Always asked for anew, so that a new build is seen; the answer is usually that nothing changed.
    void reply.header('cache-control', 'no-cache');
    void reply.header('content-security-policy', pagePolicy).header('referrer-policy', 'same-origin');
    return page.send(request, reply);
  });
}

/**
 * At `/` whoever takes any type gets the page: curl and the health checks of load balancers. Elsewhere a program that asks
 * for any type has mistaken the address, and a page would hide it.
 */
function wantsPage({ headers: { accept = '*/*' } }: FastifyRequest, path: string): boolean {
  return (path === '/' ? /\btext\/(html\b|\*)|\*\/\*/ : /\btext\/html\b/).test(accept);
}

function nothingHere(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  sendProblem(notFound('Look at /docs for the addresses of this service.'), request, reply);
  return reply;
}
