import { Body, Controller, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Database } from '../database/database';
import { ValidationFailed, refusal } from '../errors';
import { recordAction } from '../audit-log/audit-log.repository';
import { Answers, documented, pageOfType } from '../http/responses';
import { Caller, type Principal, Roles } from '../auth/auth.guard';
import { PageQuery, pageBounds, pageOf } from '../http/paging';
import { OptionalIdempotencyKey, alreadyDone, idempotencyKeyReused } from '../idempotency/idempotency';
import { newId, parsePublicId, publicId } from '../ids';
import { ReasonDto } from '../audit-log/reason.dto';
import { type DeadLetter, listDeadLetters, lockLetter, sendAgain } from './dead-letters';
import { Relay } from './relay';

const deadLetterNotFound = refusal({
  code: 'dead_letter_not_found',
  status: 404,
  title: 'There is no such dead letter',
});

const deadLetterType = documented(
  'DeadLetter',
  {
    id: 'evt_01jd3v7q8nf0xv7c0kq1e5m9tz',
    object: 'dead_letter',
    type: 'order.accepted',
    aggregateId: 'ord_01jd3v7q8nf0xv7c0kq1e5m9tz',
    reason: 'its handler was started and did not come back',
    attempts: 4,
    diedAt: '2026-11-20T10:00:00.000Z',
    retriedAt: '2026-11-20T10:05:00.000Z',
  },
  { nullable: ['retriedAt'] },
);

@ApiTags('admin: operations')
@ApiBearerAuth()
@Controller('v1/admin/dead-letters')
@Roles('admin', 'viewer')
export class DeadLettersController {
  constructor(
    private readonly db: Database,
    private readonly relay: Relay,
  ) {}

  @Get()
  @ApiOperation({
    summary: 'Messages that nobody could apply',
    description: 'Oldest first, with the reason.',
  })
  @Answers({ 200: pageOfType(deadLetterType) }, [ValidationFailed.kind])
  async list(@Query() query: PageQuery) {
    const { limit, after } = pageBounds(query);
    return pageOf(await listDeadLetters(this.db, limit, after), limit, (row) => row.id, view);
  }

  @Post(':id/retry')
  @Roles('admin')
  @HttpCode(200)
  @ApiOperation({ summary: 'Send the message again', description: 'Kept in the audit log.' })
  @Answers({ 200: deadLetterType }, [
    ValidationFailed.kind,
    deadLetterNotFound.kind,
    idempotencyKeyReused.kind,
  ])
  async retry(
    @Param('id') publicOne: string,
    @Body() { reason }: ReasonDto,
    @OptionalIdempotencyKey() key: string | undefined,
    @Caller() actor: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const id = parsePublicId('evt', publicOne);
    if (!id) throw noSuchLetter();
    const { letter, replayed } = await this.db.transaction('dead-letter', async (tx) => {
      const operation = `dead-letters/${id}/retry`;
      const claim = { principal: actor.name, operation, resourceId: newId(), request: { reason } };
      const replayed = await alreadyDone(tx, key, claim);
      const found = await lockLetter(tx, id);
      if (!found) throw noSuchLetter();
      // Sent again before, by whatever hand: there is nothing left to do and nothing to record.
      if (replayed || found.retriedAt) return { letter: found, replayed };
      const objectId = publicId('evt', id);
      await recordAction(tx, actor, {
        action: 'dead-letter.retry',
        objectType: 'dead_letter',
        objectId,
        reason,
        before: { attempts: found.attempts, diedAt: found.diedAt, retriedAt: null },
        after: { retriedAt: found.now },
      });
      return { letter: await sendAgain(tx, found), replayed };
    });
    this.relay.poke();
    if (replayed) void reply.header('idempotent-replayed', 'true');
    return view(letter);
  }
}

const noSuchLetter = () =>
  deadLetterNotFound('No dead letter has this id. Look at the list of dead letters.');

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
