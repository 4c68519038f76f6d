import { Controller, Get, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { collectDefaultMetrics, register } from 'prom-client';
import { z } from 'zod';
import { Responses, responseType, text } from '../http/responses';
import { Roles } from '../auth/auth.guard';
import { Coalesced } from '../coalesced';
import { Readiness } from './readiness';

collectDefaultMetrics();

const liveType = responseType('Live', { status: z.literal('ok') });
const readyType = responseType('Ready', {
  status: z.enum(['ok', 'degraded']),
  degraded: z.array(z.strictObject({ part: text('queue (redis)'), detail: text('connect ECONNREFUSED') })),
});

@ApiTags('operations')
@Controller()
@Roles('public')
export class HealthController {
  /** Needs no key, so concurrent requests share one probe of the database. */
  private readonly probe = new Coalesced(async (): Promise<z.infer<typeof readyType>> => {
    const degraded = await this.readiness.check();
    return { status: degraded.length > 0 ? 'degraded' : 'ok', degraded };
  });

  constructor(private readonly readiness: Readiness) {}

  @Get('health/live')
  @ApiOperation({ summary: 'Is the process alive?' })
  @Responses({ 200: liveType })
  getLiveness() {
    return { status: 'ok' as const };
  }

  /** Only PostgreSQL can make us unready: without queues orders are still charged and placed, only later. */
  @Get('health/ready')
  @ApiOperation({
    summary: 'Can it take orders?',
    description:
      '200 with what is degraded (queues, periodic tasks that keep failing); 503 only without PostgreSQL or its schema, or while it is read-only.',
  })
  @Responses({ 200: readyType })
  getReadiness() {
    return this.probe.run();
  }

  @Get('metrics')
  @ApiOperation({ summary: 'Prometheus metrics' })
  @ApiOkResponse({ description: 'As text.', content: { 'text/plain': { schema: { type: 'string' } } } })
  async getMetrics(@Res({ passthrough: true }) reply: FastifyReply) {
    void reply.header('content-type', register.contentType);
    return register.metrics();
  }
}
