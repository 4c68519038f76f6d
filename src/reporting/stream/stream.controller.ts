import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiProduces, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ValidationFailed } from '../../errors';
import { Responses, StreamOf } from '../../http/responses';
import { Roles } from '../../auth/auth.guard';
import { isDecodable } from '../../http/body';
import { dashboardBuild } from '../../http/dashboard';
import { EventStreams, tooManyStreams } from '../../auth/event-streams';
import { Sessions, sessionToken } from '../../auth/sessions';
import { serviceVersion } from '../../version';
import { type Listener, StreamFeeds } from './stream-feeds';
import { type StreamHello, streamMessageType } from './stream.responses';

/** One page needs three or four. */
const topicsMax = 8;
/** A list's filters are part of its topic. */
const topicLengthMax = 500;
@ApiTags('admin: operations')
@Controller('v1/admin/stream')
@Roles('admin', 'viewer')
export class StreamController {
  constructor(
    private readonly feeds: StreamFeeds,
    private readonly sessions: Sessions,
    private readonly streams: EventStreams,
  ) {}

  @Get()
  @ApiOperation({
    summary: 'Live updates of the dashboard’s topics',
    description:
      'Server-sent events: `{topic, at, value}` with the whole value, about one a second for each topic while it changes. A topic begins with its present value, so a reader that comes back has missed nothing and `Last-Event-ID` is not needed. The stream ends with the session or the key.',
  })
  @ApiQuery({
    name: 'topics',
    type: [String],
    description: 'Once for each topic: `overview`, `review`, `product:{sku}`, `order:{id}`, `run:{id}`, …',
  })
  @ApiProduces('text/event-stream')
  @StreamOf(streamMessageType)
  @Responses({}, [ValidationFailed, tooManyStreams])
  async openStream(
    @Query('topics') topics: string | string[] | undefined,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const wanted = this.checked([...new Set([topics ?? []].flat())]);
    const expiresInSeconds = await this.secondsLeft(request);
    const leave: (() => void)[] = [];
    const stream = this.streams.begin(request, reply, {
      goodbye: messageOf('bye', { reason: 'session-ended' }),
      onEnd: () => leave.forEach((go) => go()),
    });
    const hello: StreamHello = { version: serviceVersion, build: dashboardBuild(), expiresInSeconds };
    stream.send('hello', messageOf('hello', hello));
    const send: Listener = (topic, event) => stream.send(topic, event);
    for (const topic of wanted) leave.push(this.feeds.follow(topic, send));
  }

  private checked(topics: string[]): string[] {
    const pointer = '/topics';
    if (topics.length === 0 || topics.length > topicsMax) {
      const detail = `Name 1 to ${topicsMax} topics, each in its own parameter.`;
      throw new ValidationFailed({ pointer, code: 'topics_count', detail });
    }
    const unknown = topics.find(
      (topic) => topic.length > topicLengthMax || !isDecodable(topic) || !this.feeds.isOffered(topic),
    );
    if (unknown !== undefined) {
      const detail = `There is no topic "${unknown.slice(0, 64)}".`;
      throw new ValidationFailed({ pointer, code: 'unknown_topic', detail });
    }
    return topics;
  }

  /** How long the session lasts; null for a key, which has no end. */
  private async secondsLeft(request: FastifyRequest): Promise<number | null> {
    if (request.headers.authorization !== undefined) return null;
    const session = await this.sessions.find(sessionToken(request) ?? '');
    return session?.expiresInSeconds ?? 0;
  }
}

const messageOf = (topic: string, value: object) => ({
  data: JSON.stringify({ topic, at: new Date().toISOString(), value }),
});
