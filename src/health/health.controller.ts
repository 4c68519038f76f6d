import { Controller, Get, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { collectDefaultMetrics, register } from 'prom-client';
import { Answers, documented } from '../http/responses';
import { Roles } from '../auth/auth.guard';
import { Coalesced } from '../coalesced';
import { Readiness } from './readiness';

collectDefaultMetrics();

@ApiTags('operations')
@Controller()
@Roles('public')
export class HealthController {
  /** Anybody may ask, without a key, so a crowd costs the database no more than one probe after the other. */
  private readonly probe = new Coalesced(async () => {
    const degraded = await this.readiness.check();
    return { status: degraded.length > 0 ? 'degraded' : 'ok', degraded };
  });

  constructor(private readonly readiness: Readiness) {}

  @Get('health/live')
  @ApiOperation({ summary: 'Is the process alive?' })
  @Answers({ 200: documented('Live', { status: 'ok' }) })
  live() {
    return { status: 'ok' };
  }

  /** Only PostgreSQL can make us unready: without queues orders are taken, charged and placed all the same, later. */
  @Get('health/ready')
  @ApiOperation({
    summary: 'Can it take orders?',
    description:
      '200 with what is degraded (queues, periodic tasks that keep failing); 503 only without PostgreSQL or its schema, or while it is read-only.',
  })
  @Answers({
    200: documented('Ready', {
      status: 'degraded',
      degraded: [{ part: 'queue (redis)', detail: 'connect ECONNREFUSED' }],
    }),
  })
  ready() {
    return this.probe.run();
  }

  @Get('metrics')
  @ApiOperation({ summary: 'Prometheus metrics' })
  async metrics(@Res({ passthrough: true }) reply: FastifyReply) {
    void reply.header('content-type', register.contentType);
    return register.metrics();
  }
}
