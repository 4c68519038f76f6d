import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { IsIn } from 'class-validator';
import { Database } from '../../database/database';
import { ValidationFailed, refusal } from '../../errors';
import { Responses, pageType } from '../../http/responses';
import { Roles } from '../../auth/auth.guard';
import { PageQuery, pageBounds, pageOf } from '../../http/paging';
import { AreSomeOf, MayBeAbsent } from '../../http/validation';
import { parsePublicId } from '../../ids';
import { taskIdOf } from '../../orders/fulfilment/task-actions';
import { type ReviewKey, type ReviewKind, type ReviewSort, findCase, listCases } from './review';
import { caseType, caseView } from './review-formatting';

const caseNotFound = refusal(404, 'case_not_found', 'There is no such case');

const kinds: readonly ReviewKind[] = [
  'stuck',
  'unknown',
  'dead_letter',
  'payment',
  'payment_task',
  'webhook_endpoint_failing',
];

class ReviewQuery extends PageQuery {
  @MayBeAbsent({
    description: `${kinds.slice(0, -1).join(', ')} or ${kinds.at(-1)}, several separated by commas.`,
    example: 'stuck',
  })
  @AreSomeOf(kinds)
  kind?: string;

  @MayBeAbsent({ description: 'Most money first, or the oldest.', enum: ['money', 'age'] })
  @IsIn(['money', 'age'], { message: 'sort must be money or age' })
  sort?: ReviewSort;
}

/** Amount, time in microseconds, id. */
const keyPattern = /^\d{1,15} \d{1,17} [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

@ApiTags('admin: operations')
@Controller('v1/admin/review')
@Roles('admin', 'viewer')
export class ReviewController {
  constructor(private readonly db: Database) {}

  @Get()
  @ApiOperation({
    summary: 'List what an operator must look at',
    description:
      'Stuck sagas, payments without a result after two retries, dead letters, what the provider reported about a payment, and webhook endpoints that only failed. Most money first, or oldest first.',
  })
  @Responses({ 200: pageType(caseType) }, [ValidationFailed])
  async listReviewCases(@Query() query: ReviewQuery) {
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
  @ApiOperation({
    summary: 'One case',
    description:
      'By the id of its order, of its message (`evt_…`), of its payment fact (`fct_…`), of its refund or capture (`rfd_…`, `cap_…`), or of its webhook endpoint (`whe_…`).',
  })
  @Responses({ 200: caseType }, [caseNotFound])
  async getReviewCase(@Param('id') id: string) {
    const internal =
      parsePublicId('ord', id) ??
      parsePublicId('evt', id) ??
      parsePublicId('fct', id) ??
      parsePublicId('whe', id) ??
      taskIdOf(id);
    const found = internal && (await findCase(this.db, internal));
    if (!found) throw caseNotFound('No case has this id. It may have been settled; fetch the list again.');
    return caseView(found);
  }
}

function keyFrom(after: string): ReviewKey {
  const [amount, sinceMicros, id] = after.split(' ');
  return { amount: Number(amount), sinceMicros: Number(sinceMicros), id: id! };
}
