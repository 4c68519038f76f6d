import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isKnownVersion } from './etag';

/** Below this the header costs more than compression saves. */
const compressFromBytes = 1_024;

const compressors = {
  // 9 of 11: the last two levels take ten times as long and save about 3 %.
  br: (body: Buffer) =>
    promisify(brotliCompress)(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }) as Promise<Buffer>,
  gzip: (body: Buffer) => promisify(gzip)(body, { level: 9 }) as Promise<Buffer>,
};
type Encoding = keyof typeof compressors;

/**
 * A response that stays the same until the process ends: made on first use, compressed once per encoding. All responses
 * share its buffers, so slow readers cost no memory.
 */
export class StaticContent {
  private made: { body: Buffer; etag: string } | undefined;
  private readonly packed = new Map<Encoding, Promise<Buffer>>();

  constructor(
    private readonly type: string,
    private readonly make: () => string | Buffer,
  ) {}

  /** A hash of the content. The ETag made of it is weak, because the compressed forms share it. */
  get version(): string {
    return this.content().etag.slice(3, -1);
  }

  async send(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { body, etag } = this.content();
    void reply.header('content-type', this.type).header('vary', 'accept-encoding').header('etag', etag);
    if (!reply.hasHeader('cache-control')) void reply.header('cache-control', 'no-cache');
    if (isKnownVersion(request.headers['if-none-match'], etag)) return reply.status(304).send();
    const isWorthIt = body.length >= compressFromBytes;
    const encoding = isWorthIt && preferredEncoding(String(request.headers['accept-encoding'] ?? ''));
    if (!encoding) return reply.send(body);
    const packed = this.packed.get(encoding) ?? compressors[encoding](body);
    this.packed.set(encoding, packed);
    return reply.header('content-encoding', encoding).send(await packed);
  }

  private content(): { body: Buffer; etag: string } {
    if (!this.made) {
      const body = Buffer.from(this.make());
      const hash = createHash('sha256').update(body).digest('hex').slice(0, 12);
      this.made = { body, etag: `W/"${hash}"` };
    }
    return this.made;
  }
}

/** Brotli before gzip. A quality of 0 means that the client refuses it. */
export function preferredEncoding(accepts: string): Encoding | undefined {
  const qualities = new Map(
    accepts.split(',').map((part) => {
      const [name = '', ...parameters] = part
        .trim()
        .toLowerCase()
        .split(/\s*;\s*/);
      const quality = parameters.find((parameter) => parameter.startsWith('q='));
      return [name, quality === undefined ? 1 : Number(quality.slice(2))] as const;
    }),
  );
  const qualityOf = (name: Encoding) => qualities.get(name) ?? qualities.get('*') ?? 0;
  const accepted = (['br', 'gzip'] as const).filter((name) => qualityOf(name) > 0);
  return accepted.sort((one, other) => qualityOf(other) - qualityOf(one))[0];
}
