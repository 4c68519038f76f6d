import { Body, Controller, Get, Param, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { ValidationFailed } from '../errors';
import { Responses, instant, int, pageType, publicIdOf, responseType, text } from '../http/responses';
import { Caller, type Principal, Roles } from '../auth/auth.guard';
import { PageQuery } from '../http/paging';
import { OptionalIdempotencyKey, idempotencyKeyReused } from '../idempotency/idempotency.repository';
import { publicId } from '../ids';
import { ReasonDto } from '../audit-log/reason.dto';
import type { DeadLetter } from './dead-letters.repository';
import { DeadLetters, deadLetterNotFound } from './dead-letters.service';

const deadLetterType = responseType('DeadLetter', {
  id: publicIdOf('evt'),
  object: z.literal('dead_letter'),
  type: text('order.accepted'),
  aggregateId: publicIdOf('ord'),
  reason: text('its handler was started and did not come back'),
  attempts: int(4),
  diedAt: instant(),
  retriedAt: instant('2026-11-20T10:05:00.000Z').nullable(),
});

@ApiTags('admin: operations')
@Controller('v1/admin/dead-letters')
@Roles('admin', 'viewer')
export class DeadLettersController {
  constructor(private readonly letters: DeadLetters) {}

  @Get()
  @ApiOperation({
    summary: 'Messages that nobody could apply',
    description: 'Oldest first, with the reason.',
  })
  @Responses({ 200: pageType(deadLetterType) }, [ValidationFailed])
  async listDeadLetters(@Query() query: PageQuery) {
    const page = await this.letters.list(query);
    return { ...page, data: page.data.map(view) };
  }

  @Post(':id/retry')
  @Roles('admin')
  @ApiOperation({ summary: 'Send the message again', description: 'Kept in the audit log.' })
  @Responses({ 200: deadLetterType }, [ValidationFailed, deadLetterNotFound, idempotencyKeyReused])
  async retryDeadLetter(
    @Param('id') id: string,
    @Body() { reason }: ReasonDto,
    @OptionalIdempotencyKey() key: string | undefined,
    @Caller() actor: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { letter, replayed } = await this.letters.retry(id, { reason, key }, actor);
    if (replayed) void reply.header('idempotent-replayed', 'true');
    return view(letter);
  }
}

const view = (letter: DeadLetter) => ({
  id: publicId('evt', letter.id),
  object: 'dead_letter' as const,
  type: letter.type,
  aggregateId: publicId(letter.type.startsWith('order.') ? 'ord' : 'rsv', letter.aggregateId),
  reason: letter.reason,
  attempts: letter.attempts,
  diedAt: letter.diedAt.toISOString(),
  retriedAt: letter.retriedAt?.toISOString() ?? null,
});
