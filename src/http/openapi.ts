import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  type ProblemType,
  ValidationFailed,
  bodyTooComplex,
  bodyTooLarge,
  forbidden,
  internalError,
  malformedRequest,
  problemTypes,
  unauthenticated,
  unavailable,
  unsupportedMediaType,
  wrongCell,
} from '../errors';
import { responseSchemas } from './responses';
import { CONFIG, type Config } from '../config/config';
import { problemTypeBase } from './problem.filter';
import { StaticContent } from './static-content';

const description = `Stock first, money second. Every error is \`application/problem+json\` (RFC 9457) with a stable \`code\`;
all of them are listed at [${problemTypeBase}](${problemTypeBase}). Money is in minor units; times are RFC 3339 in UTC.`;

/** `/openapi.json`, a readable page of it at `/docs`, and the page that every problem's \`type\` points to. */
export function serveDocs(app: NestFastifyApplication): void {
  // The page fetches the description from its one address: Nest would write all of it into a script a second time.
  SwaggerModule.setup('docs', app, () => undefined as never, { raw: false, swaggerUrl: '/openapi.json' });

  const fastify = app.getHttpAdapter().getInstance();
  const serve = (url: string, content: StaticContent, headers: Record<string, string> = {}) =>
    fastify.get(url, (request: FastifyRequest, reply: FastifyReply) =>
      content.send(request, reply.headers(headers)),
    );
  // Written when somebody first asks: it takes a tenth of the CPU time of a start.
  let json: string | undefined;
  const serialised = () => (json ??= JSON.stringify(describeApi(app)));
  serve('/openapi.json', new StaticContent('application/json; charset=utf-8', serialised));
  // JSON is YAML too, and nobody reads this form for its looks.
  serve('/docs-yaml', new StaticContent('text/yaml; charset=utf-8', serialised));
  serve(problemTypeBase, new StaticContent('text/html; charset=utf-8', problemsPage), {
    'content-security-policy': "default-src 'none'",
  });
}

function describeApi(app: NestFastifyApplication): OpenAPIObject {
  const config = new DocumentBuilder()
    .setTitle('Holdfast')
    .setDescription(description)
    .setVersion('1')
    .setOpenAPIVersion('3.1.0')
    .addBearerAuth()
    .build();
  const operationIdFactory = (_: string, method: string) => method;
  const document = completed(SwaggerModule.createDocument(app, config, { operationIdFactory }));
  limitTtl(document, app.get<Config>(CONFIG));
  return { ...document, webhooks } as OpenAPIObject;
}

/** What we send to the endpoints of shops. */
const webhooks = {
  event: {
    post: {
      operationId: 'receiveEvent',
      tags: ['webhooks'],
      summary: 'An event of one of your orders or reservations',
      description:
        'Signed by the Standard Webhooks specification, sent at least once, and in order per order or reservation. Any 2xx within 10 seconds takes it; 410 disables the endpoint; everything else is tried again.',
      parameters: [
        ['webhook-id', 'The id of the event, in every try.'],
        ['webhook-timestamp', 'When this try was made, in seconds since 1970.'],
        ['webhook-signature', '`v1,…`, several separated by spaces while a secret is replaced.'],
      ].map(([name, told]) => ({
        name,
        in: 'header',
        required: true,
        description: told,
        schema: { type: 'string' },
      })),
      requestBody: {
        required: true,
        content: { 'application/json': { schema: { $ref: '#/components/schemas/ShopEvent' } } },
      },
      responses: { '2XX': { description: 'Taken.' }, 410: { description: 'Disables the endpoint.' } },
    },
  },
};

/** The longest TTL is a setting, so no decorator can name it. */
function limitTtl(document: OpenAPIObject, { reservationTtlSecondsMax }: Config): void {
  for (const schema of Object.values(document.components?.schemas ?? {})) {
    const ttl = 'properties' in schema ? schema.properties?.ttlSeconds : undefined;
    if (ttl) Object.assign(ttl, { maximum: reservationTtlSecondsMax });
  }
}

type Operation = {
  requestBody?: object;
  'x-problems'?: string[];
  responses: Record<string, unknown>;
  security?: unknown[];
};

/** Of every route that may have a body, before it is read. */
const bodyProblems = [
  bodyTooComplex.type,
  bodyTooLarge.type,
  unsupportedMediaType.type,
  ValidationFailed.type,
];

/** Adds to Nest's description what its decorators do not carry: types read off examples, and each route's problems. */
function completed(document: OpenAPIObject): OpenAPIObject {
  const components = (document.components ??= {});
  const schemas: Record<string, object> = (components.schemas ??= {});
  Object.assign(schemas, responseSchemas());
  schemas['Problem'] = problemSchema();
  components.responses = Object.fromEntries(problemTypes.map((type) => [type.code, problemResponse(type)]));

  for (const [method, operation] of Object.values(document.paths).flatMap(
    (path) => Object.entries(path) as [string, Operation][],
  )) {
    const isRead = method === 'get';
    // A method that has other roles than its class names the scheme twice.
    operation.security &&= operation.security.slice(0, 1);
    const common = operation.security ? [unauthenticated.type, forbidden.type, wrongCell.type] : [];
    const own = (operation['x-problems'] ?? []).map((code) =>
      problemTypes.find((type) => type.code === code)!,
    );
    const body = operation.requestBody || !isRead ? bodyProblems : [];
    const before = [malformedRequest.type, ...body];
    const types = [...new Set([...own, ...common, ...before, internalError.type, unavailable.type])];
    for (const status of new Set(types.map((type) => type.status))) {
      operation.responses[status] ??= problemsResponse(types.filter((type) => type.status === status));
    }
    delete operation['x-problems'];
  }
  return document;
}

const problemSchema = () => ({
  type: 'object',
  required: ['type', 'title', 'status', 'code', 'detail', 'instance', 'requestId', 'retryable'],
  properties: {
    type: { type: 'string', description: 'Where this kind of problem is explained.' },
    title: { type: 'string', description: 'The same for every problem of this code.' },
    status: { type: 'integer' },
    code: {
      type: 'string',
      description: 'Stable; branch on this.',
      // Kinds come in the order in which files are loaded.
      enum: problemTypes.map((type) => type.code).sort(),
    },
    detail: { type: 'string', description: 'What happened, and what to do next.' },
    instance: { type: 'string' },
    requestId: { type: 'string' },
    retryable: { type: 'boolean', description: 'Whether the same request may succeed later, unchanged.' },
  },
});

const problemResponse = (type: ProblemType) => problemsResponse([type]);

function problemsResponse(types: ProblemType[]) {
  const examples = types.map((type) => [type.code, { value: exampleProblem(type) }] as const);
  return {
    description: types.map((type) => `\`${type.code}\`: ${type.title}.`).join(' '),
    content: {
      'application/problem+json': {
        schema: { $ref: '#/components/schemas/Problem' },
        examples: Object.fromEntries(examples),
      },
    },
  };
}

const exampleProblem = (type: ProblemType) => ({
  type: `${problemTypeBase}#${type.code}`,
  title: type.title,
  status: type.status,
  code: type.code,
  detail: 'What happened here, and what to do next.',
  instance: '/v1/…',
  requestId: 'a3f6f2f0-9a5e-4f0c-9a0e-0d8a3f0f7a11',
  retryable: type.retryable ?? false,
});

function problemsPage(): string {
  const rows = [...problemTypes]
    .sort((a, b) => a.status - b.status || (a.code < b.code ? -1 : 1))
    .map(
      (type) =>
        `<dt id="${type.code}"><b>${type.code}</b> (${type.status})</dt><dd>${type.title}. ${type.retryable ? 'The same request may succeed later.' : 'Sending the same request again will not help.'}</dd>`,
    );
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Holdfast: problems</title><h1>Problems</h1><dl>${rows.join('\n')}</dl></html>`;
}
