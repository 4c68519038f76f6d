import { Body, Controller, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiHeader, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Database } from '../../database/database';
import { ValidationFailed } from '../../errors';
import { Responses } from '../../http/responses';
import { Caller, type Principal, Roles } from '../../auth/auth.guard';
import { type Page, pageBounds, pageOf } from '../../http/paging';
import { OptionalIdempotencyKey, idempotencyKeyReused } from '../../idempotency/idempotency';
import { SkuQuery } from '../inventory.dto';
import { ReservationListQuery } from './reservations.dto';
import { ReasonDto } from '../../audit-log/reason.dto';
import { reservationAlreadyConfirmed, reservationNotFound, reservationPinned } from '../inventory.errors';
import {
  type ReservationResponse,
  reservationListType,
  reservationType,
  reservationView,
  returningType,
} from './reservations.responses';
import {
  type ListedReservation,
  type ReservationFilter,
  type ReservationKey,
  type ReservationSort,
  listReservations,
} from './reservation-list';
import { reservationId } from './reservations.controller';
import type { ReservationStatus } from './reservations.repository';
import { ReservationsService } from './reservations.service';
import { returningOf } from './expiring-stock';

@ApiTags('admin: reservations')
@ApiBearerAuth()
@Controller('v1/admin/reservations')
@Roles('admin', 'viewer')
export class AdminReservationsController {
  constructor(
    private readonly reservations: ReservationsService,
    private readonly db: Database,
  ) {}

  @Get()
  @ApiOperation({
    operationId: 'listAllReservations',
    summary: 'Who holds what',
    description: 'Newest first, or with `sort=ends` the soonest end first. All filters together must hold.',
  })
  @Responses({ 200: reservationListType }, [ValidationFailed.kind])
  list(@Query() query: ReservationListQuery) {
    return reservationPage(this.db, query);
  }

  @Get('returning')
  @ApiOperation({
    operationId: 'getReturningUnits',
    summary: 'What comes back if nobody pays',
    description: 'Units per 10 s during the next 10 min, of one product or of all.',
  })
  @Responses({ 200: returningType }, [ValidationFailed.kind])
  returning(@Query() { sku }: SkuQuery) {
    return returningOf(this.db, sku ?? null);
  }

  @Post(':id/release')
  @Roles('admin')
  @HttpCode(200)
  @ApiOperation({
    operationId: 'forceReleaseReservation',
    summary: 'Force a release',
    description: 'Refused while a charge is in flight; kept in the audit log.',
  })
  @ApiHeader({ name: 'Idempotency-Key', required: false })
  @Responses({ 200: reservationType }, [
    reservationNotFound.kind,
    reservationAlreadyConfirmed.kind,
    reservationPinned.kind,
    ValidationFailed.kind,
    idempotencyKeyReused.kind,
  ])
  async release(
    @Param('id') id: string,
    @Body() dto: ReasonDto,
    @OptionalIdempotencyKey() key: string | undefined,
    @Caller() caller: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const internal = reservationId(id);
    const replayed = await this.reservations.forceRelease(internal, { reason: dto.reason, key }, caller);
    if (replayed) void reply.header('idempotent-replayed', 'true');
    return reservationView(await this.reservations.get(internal, caller));
  }
}

/** One page of the list; its query is also what a stream of it is named by. */
export async function reservationPage(
  db: Database,
  query: ReservationListQuery,
): Promise<Page<ReservationResponse>> {
  const { filter, sort } = filterOf(query);
  const { limit, after } = pageBounds(query, cursorOf[sort]);
  const rows = await listReservations(db, filter, { sort, limit, before: after ? keyFrom(after) : null });
  return pageOf(rows, limit, keyOf[sort], reservationView);
}

export function filterOf(query: ReservationListQuery): { filter: ReservationFilter; sort: ReservationSort } {
  const statuses = query.status ? [...new Set(query.status.split(','))] : null;
  const filter = {
    principal: null,
    statuses: statuses as ReservationStatus[] | null,
    sku: query.sku ?? null,
    customerId: query.customerId ?? null,
    endsWithinSeconds: query.expiringWithinSeconds === undefined ? null : Number(query.expiringWithinSeconds),
  };
  const sort = query.sort ?? 'newest';
  if (sort === 'ends' && statuses?.some((status) => status !== 'active' && status !== 'pinned')) {
    throw new ValidationFailed([
      {
        pointer: '/sort',
        code: 'sort_unfit',
        detail: 'Only active and pinned reservations have an end to come. Leave the other statuses out.',
      },
    ]);
  }
  return { filter, sort };
}

/** A cursor says where a page ended, in the words of its order: an id, or an end and an id. */
const cursorOf: Record<ReservationSort, RegExp | undefined> = {
  newest: undefined,
  ends: /^\d{1,17} [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
};

const keyOf: Record<ReservationSort, (row: ListedReservation) => string> = {
  newest: ({ id }) => id,
  ends: ({ id, endMicros }) => `${endMicros} ${id}`,
};

function keyFrom(after: string): ReservationKey {
  const [id, endMicros] = after.split(' ').reverse();
  return { id: id!, endMicros: Number(endMicros ?? 0) };
}
