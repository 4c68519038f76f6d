import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiPropertyOptional, ApiTags } from '@nestjs/swagger';
import { IsIn, Matches } from 'class-validator';
import { Database } from '../../database/database';
import { ValidationFailed, refusal } from '../../errors';
import { Answers, documented, pageOfType } from '../../http/responses';
import { Roles } from '../../auth/auth.guard';
import { PageQuery, pageBounds, pageOf } from '../../http/paging';
import { MayBeAbsent } from '../../http/validation';
import { parsePublicId } from '../../ids';
import { stepNames } from '../../orders/checkout-saga/checkout.saga';
import { type ReviewKey, type ReviewKind, type ReviewSort, findCase, listCases } from './review';
import { caseView } from './review-formatting';

const caseNotFound = refusal({
  code: 'case_not_found',
  status: 404,
  title: 'There is no such case',
});

const kinds: readonly ReviewKind[] = ['stuck', 'unknown', 'dead_letter'];
const kindsPattern = new RegExp(`^(${kinds.join('|')})(,(${kinds.join('|')}))*$`);

const caseType = documented(
  'ReviewCase',
  {
    object: 'case',
    id: 'ord_01jd3v7q8nf0xv7c0kq1e5m9tz',
    kind: 'stuck',
    orderId: 'ord_01jd3v7q8nf0xv7c0kq1e5m9tz',
    reservationId: 'rsv_01jd3v7q8nf0xv7c0kq1e5m9tz',
    customerId: 'cus_42',
    title: 'Capture has no answer after 12 attempts',
    facts: ['4 units of TEE-BLACK-M cannot be sold until this ends.'],
    moneyAtRisk: { amount: 51600, currency: 'EUR' },
    units: 4,
    lines: [{ sku: 'TEE-BLACK-M', quantity: 4 }],
    since: '2026-11-20T10:00:00.000Z',
    sinceSeconds: 840,
    nextAttemptInSeconds: 41,
    waitsFor: 'next_run',
    step: stepNames[2],
  },
  {
    enums: { kind: kinds, waitsFor: ['worker', 'next_run', 'operator'] },
    nullable: [
      'orderId',
      'reservationId',
      'customerId',
      'moneyAtRisk',
      'nextAttemptInSeconds',
      'waitsFor',
      'step',
    ],
  },
);

class ReviewQuery extends PageQuery {
  @ApiPropertyOptional({
    description: 'stuck, unknown or dead_letter, several separated by commas.',
    example: 'stuck',
  })
  @MayBeAbsent()
  @Matches(kindsPattern, {
    message: `kind must be one of ${kinds.join(', ')}, several separated by commas`,
  })
  kind?: string;

  @ApiPropertyOptional({ description: 'Most money first, or the oldest.', enum: ['money', 'age'] })
  @MayBeAbsent()
  @IsIn(['money', 'age'], { message: 'sort must be money or age' })
  sort?: ReviewSort;
}

/** Amount, time in microseconds, id. */
const keyPattern = /^\d{1,15} \d{1,17} [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

@ApiTags('admin: operations')
@ApiBearerAuth()
@Controller('v1/admin/review')
@Roles('admin', 'viewer')
export class ReviewController {
  constructor(private readonly db: Database) {}

  @Get()
  @ApiOperation({
    summary: 'List what an operator must look at',
    description:
      'Stuck sagas, payments without a result after two retries, and dead letters. Most money first, or oldest first.',
  })
  @Answers({ 200: pageOfType(caseType) }, [ValidationFailed.kind])
  async list(@Query() query: ReviewQuery) {
    const { limit, after } = pageBounds(query, keyPattern);
    const rows = await listCases(this.db, {
      kinds: (query.kind?.split(',') as ReviewKind[] | undefined) ?? null,
      sort: query.sort ?? 'money',
      limit,
      after: after === null ? null : keyFrom(after),
    });
    return pageOf(rows, limit, ({ amount, sinceMicros, id }) => `${amount} ${sinceMicros} ${id}`, caseView);
  }

  @Get(':id')
  @ApiOperation({ summary: 'One case', description: 'By the id of its order, or of its message (`evt_…`).' })
  @Answers({ 200: caseType }, [caseNotFound.kind])
  async get(@Param('id') id: string) {
    const internal = parsePublicId('ord', id) ?? parsePublicId('evt', id);
    const found = internal && (await findCase(this.db, internal));
    if (!found) throw caseNotFound('No case has this id. It may have been settled; fetch the list again.');
    return caseView(found);
  }
}

function keyFrom(after: string): ReviewKey {
  const [amount, sinceMicros, id] = after.split(' ');
  return { amount: Number(amount), sinceMicros: Number(sinceMicros), id: id! };
}
