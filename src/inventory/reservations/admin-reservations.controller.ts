import { Body, Controller, Get, Param, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Database } from '../../database/database';
import { ValidationFailed } from '../../errors';
import { Responses } from '../../http/responses';
import { Caller, type Principal, Roles } from '../../auth/auth.guard';
import { OptionalIdempotencyKey, idempotencyKeyReused } from '../../idempotency/idempotency.repository';
import { SkuQuery } from '../inventory.dto';
import { ReservationListQuery } from './reservations.dto';
import { ReasonDto } from '../../audit-log/reason.dto';
import { reservationAlreadyConfirmed, reservationNotFound, reservationPinned } from '../inventory.errors';
import {
  reservationListType,
  reservationType,
  reservationView,
  returningType,
} from './reservations.responses';
import { reservationPage, expiringStockOf } from './reservation-list.repository';
import { reservationIdOf } from './reservation';
import { ReservationsService } from './reservations.service';

@ApiTags('admin: reservations')
@Controller('v1/admin/reservations')
@Roles('admin', 'viewer')
export class AdminReservationsController {
  constructor(
    private readonly reservations: ReservationsService,
    private readonly db: Database,
  ) {}

  @Get()
  @ApiOperation({
    summary: 'Who holds what',
    description: 'Newest first, or with `sort=ends` the soonest end first. All filters together must hold.',
  })
  @Responses({ 200: reservationListType }, [ValidationFailed])
  listAllReservations(@Query() query: ReservationListQuery) {
    return reservationPage(this.db, query);
  }

  @Get('returning')
  @ApiOperation({
    summary: 'What comes back if nobody pays',
    description: 'Units per 10 s during the next 10 min, of one product or of all.',
  })
  @Responses({ 200: returningType }, [ValidationFailed])
  getReturningUnits(@Query() { sku }: SkuQuery) {
    return expiringStockOf(this.db, sku ?? null);
  }

  @Post(':id/release')
  @Roles('admin')
  @ApiOperation({
    summary: 'Force a release',
    description: 'Refused while a charge is in flight; kept in the audit log.',
  })
  @Responses({ 200: reservationType }, [
    reservationNotFound,
    reservationAlreadyConfirmed,
    reservationPinned,
    ValidationFailed,
    idempotencyKeyReused,
  ])
  async forceReleaseReservation(
    @Param('id') id: string,
    @Body() dto: ReasonDto,
    @OptionalIdempotencyKey() key: string | undefined,
    @Caller() caller: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const internal = reservationIdOf(id);
    const replayed = await this.reservations.forceRelease(internal, { reason: dto.reason, key }, caller);
    if (replayed) void reply.header('idempotent-replayed', 'true');
    return reservationView(await this.reservations.get(internal, caller));
  }
}
