import { Controller, Get, type OnModuleDestroy, Query, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiProduces, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ValidationFailed, unavailable } from '../errors';
import { Answers } from '../http/answers';
import { ApiKeys } from '../http/api-keys';
import { Roles } from '../http/auth';
import { isDecodable } from '../http/body';
import { dashboardBuild } from '../http/dashboard';
import { Sessions, sessionToken } from '../http/sessions';
import { serviceVersion } from '../version';
import { StreamConnection } from './stream-connection';
import { StreamFeeds } from './stream-feeds';

/** One page needs three or four. */
const topicsMax = 8;
/** A list's filters are part of its topic. */
const topicLengthMax = 500;
/** A tab has one. More than this is no team of operators. */
const connectionsMax = 500;

@ApiTags('admin: operations')
@ApiBearerAuth()
@Controller('v1/admin/stream')
@Roles('admin', 'viewer')
export class StreamController implements OnModuleDestroy {
  private readonly connections = new Set<StreamConnection>();

  constructor(
    private readonly feeds: StreamFeeds,
    private readonly sessions: Sessions,
    private readonly keys: ApiKeys,
  ) {}

  @Get()
  @ApiOperation({
    summary: 'What changes, as it changes',
    description:
      'Server-sent events: `{topic, at, value}` with the whole value, about one a second for each topic while it changes. The stream ends with the session.',
  })
  @ApiQuery({
    name: 'topics',
    type: [String],
    description: 'Once for each topic: `overview`, `review`, `product:{sku}`, `order:{id}`, `run:{id}`, …',
  })
  @ApiProduces('text/event-stream')
  @Answers({}, [ValidationFailed.kind])
  async open(
    @Query('topics') topics: string | string[] | undefined,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const wanted = this.checked([...new Set([topics ?? []].flat())]);
    if (this.connections.size >= connectionsMax)
      throw unavailable('There are as many streams as this process can serve. Come back in a second.');
    const secondsLeft = await this.secondsLeft(request);

    reply.hijack();
    const leave: (() => void)[] = [];
    const connection = new StreamConnection(reply.raw, () => {
      this.connections.delete(connection);
      leave.forEach((go) => go());
    });
    this.connections.add(connection);
    connection.open({ 'x-request-id': request.id, 'x-content-type-options': 'nosniff' }, () =>
      this.secondsLeft(request).then((seconds) => seconds !== undefined),
    );
    const hello = { version: serviceVersion, build: dashboardBuild(), expiresInSeconds: secondsLeft ?? null };
    connection.send('hello', JSON.stringify({ topic: 'hello', at: new Date().toISOString(), value: hello }));
    for (const topic of wanted) leave.push(this.feeds.follow(topic, connection.send));
  }

  onModuleDestroy(): void {
    for (const connection of [...this.connections]) connection.end();
  }

  private checked(topics: string[]): string[] {
    const pointer = '/topics';
    if (topics.length === 0 || topics.length > topicsMax) {
      const detail = `Name 1 to ${topicsMax} topics, each in a parameter of its own.`;
      throw new ValidationFailed([{ pointer, code: 'topics_count', detail }]);
    }
    const unknown = topics.find(
      (topic) => topic.length > topicLengthMax || !isDecodable(topic) || !this.feeds.isOffered(topic),
    );
    if (unknown !== undefined) {
      const detail = `There is no topic "${unknown.slice(0, 64)}".`;
      throw new ValidationFailed([{ pointer, code: 'unknown_topic', detail }]);
    }
    return topics;
  }

  /** How long the caller may look on; null for a key, which has no end. Undefined: not any more. */
  private async secondsLeft(request: FastifyRequest): Promise<number | null | undefined> {
    const { authorization } = request.headers;
    if (authorization !== undefined) {
      const key = authorization.replace(/^Bearer /i, '');
      return this.keys.find(key).then(
        () => null,
        () => undefined,
      );
    }
    const session = await this.sessions.find(sessionToken(request) ?? '');
    return session?.expiresInSeconds;
  }
}
