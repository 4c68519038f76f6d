import { Controller, Get, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { collectDefaultMetrics, register } from 'prom-client';
import { Database } from '../database/database';
import { unavailable } from '../errors';
import { Answers, documented } from '../http/answers';
import { Roles } from '../http/auth';
import { Queues } from '../queue/queues';
import { Coalesced } from './coalesced';

collectDefaultMetrics();

@ApiTags('operations')
@Controller()
@Roles('public')
export class HealthController {
  constructor(
    private readonly db: Database,
    private readonly queues: Queues,
  ) {}

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
    description: '200 with what is degraded; 503 only without PostgreSQL or its schema.',
  })
  @Answers({
    200: documented('Ready', {
      status: 'degraded',
      degraded: [{ part: 'queue (redis)', detail: 'connect ECONNREFUSED' }],
    }),
  })
  ready() {
    return this.readiness.run();
  }

  /** Anybody may ask, without a key, so a crowd costs the database no more than one look after the other. */
  private readonly readiness = new Coalesced(() => this.look());

  private async look() {
    try {
      await this.db.rows('SELECT sku FROM products LIMIT 1');
    } catch (error) {
      const missing = (error as { code?: string }).code === '42P01';
      throw unavailable(
        missing ? 'The database is not migrated. Run: npm run db:migrate' : 'PostgreSQL cannot be reached.',
      );
    }
    const trouble = await this.queues.trouble();
    return {
      status: trouble ? 'degraded' : 'ok',
      degraded: trouble ? [{ part: `queue (${this.queues.backend})`, detail: trouble }] : [],
    };
  }

  @Get('metrics')
  @ApiOperation({ summary: 'Prometheus metrics' })
  async metrics(@Res({ passthrough: true }) reply: FastifyReply) {
    void reply.header('content-type', register.contentType);
    return register.metrics();
  }
}
