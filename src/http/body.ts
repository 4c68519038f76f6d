import { isUtf8 } from 'node:buffer';
import { type NestFastifyApplication, RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify';
import { bodyTooComplex, malformedRequest, unsupportedMediaType } from '../errors';

/** An order with fifty full lines, or a release of a thousand reservations, is about 40 KB. */
export const bodyLimitBytes = 64 * 1024;

/** Valid bodies have at most three levels. A few more, so that a small mistake is reported with its field. */
const levelsMax = 8;
/** The largest valid body, a release of a thousand reservations, has about half as many. */
const membersMax = 2_000;

interface BodyRules {
  limitBytes?: number;
  /** For JSON that a third party makes and that we only store. */
  anyShape?: boolean;
}

/** For routes whose bodies need other limits. */
export const BodyRules = (rules: BodyRules) => RouteConfig({ body: rules });

function rulesOf(config: object | undefined): BodyRules {
  const route: { body?: BodyRules } | undefined = config;
  return route?.body ?? {};
}

/**
 * Reads bodies: JSON in UTF-8, uncompressed, not too deep, or no body. An empty body counts as none whatever its content
 * type, because many clients send one with every POST.
 *
 * Call it before routes are declared.
 */
export function readBodies(app: NestFastifyApplication): void {
  const fastify: FastifyInstance = app.getHttpAdapter().getInstance();
  fastify.addHook('onRoute', (route: RouteOptions) => {
    const { limitBytes } = rulesOf(route.config);
    if (limitBytes !== undefined) route.bodyLimit = limitBytes;
  });
  fastify.addHook('onRequest', ({ url }: FastifyRequest, _: unknown, done: (refused?: Error) => void) =>
    done(whyBadAddress(url)),
  );

  const parseJson = fastify.getDefaultJsonParser('error', 'error');
  // No route takes plain text.
  fastify.removeContentTypeParser('text/plain');
  app.useBodyParser('application/json', { bodyLimit: bodyLimitBytes }, (request, bytes, done) => {
    if (bytes.length === 0) return done(null, undefined);
    refuseContent(request.headers);
    if (!isUtf8(bytes)) throw malformedRequest('The body is not UTF-8. Send one JSON object in UTF-8.');
    // The parser skips a byte order mark. It would report an error thrown here as broken JSON.
    void parseJson(request as FastifyRequest, bytes.toString(), (error, body: unknown) => {
      const { anyShape } = rulesOf(request.routeOptions.config);
      done(error ? notJson() : anyShape ? null : complexityOf(body), body);
    });
  });
  // Otherwise Nest would parse forms, which a browser may send from any site.
  app.useBodyParser('*', { bodyLimit: bodyLimitBytes }, (_, bytes, done) => {
    if (bytes.length > 0) throw onlyJson();
    done(null, undefined);
  });
}

const notJson = () =>
  malformedRequest(
    'The body is not JSON, or has a field named __proto__ or constructor.prototype. Send one JSON object.',
  );

export const onlyJson = () =>
  unsupportedMediaType('Send JSON, with the header Content-Type: application/json.');

function refuseContent({
  'content-type': type = '',
  'content-encoding': encoding = 'identity',
}: FastifyRequest['headers']): void {
  if (encoding.trim().toLowerCase() !== 'identity')
    throw unsupportedMediaType(
      `The body is compressed (${encoding.slice(0, 32)}). Send it without Content-Encoding.`,
    );
  const charset = /;\s*charset\s*=\s*"?([^\s";]*)/i.exec(type)?.[1] ?? 'utf-8';
  if (!/^utf-?8$/i.test(charset))
    throw unsupportedMediaType(`The body is in ${charset.slice(0, 32)}. Send JSON in UTF-8.`);
}

/** Level by level, not recursive: the sender decides the depth. */
function complexityOf(body: unknown): Error | null {
  let level = [body];
  let members = 0;
  for (let levels = 0; level.length > 0; levels++) {
    const below: unknown[] = [];
    for (const value of level) {
      if (typeof value !== 'object' || value === null) continue;
      if (levels === levelsMax)
        return bodyTooComplex(`The body has more than ${levelsMax} levels. See /docs for its fields.`);
      for (const member of Object.values(value)) below.push(member);
    }
    members += below.length;
    if (members > membersMax)
      return bodyTooComplex(
        `The body has more than ${membersMax} fields and list entries. Split it into several requests.`,
      );
    level = below;
  }
  return null;
}

/** Otherwise `%FC` in a query would be read as the text "%FC". Node refuses raw bytes, and the router bad paths. */
function whyBadAddress(url: string): Error | undefined {
  if (isDecodable(url)) return undefined;
  return malformedRequest('The address is not valid percent-encoded UTF-8. Correct it.');
}

/** Whether its percent-encoded bytes are UTF-8. */
export function isDecodable(encoded: string): boolean {
  if (!encoded.includes('%')) return true;
  try {
    decodeURIComponent(encoded);
    return true;
  } catch {
    return false;
  }
}
