import { Body, Controller, Get, Inject, Param, Patch, Post, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CONFIG, type Config } from '../../config/config';
import { Database } from '../../database/database';
import { ValidationFailed } from '../../errors';
import { Responses } from '../../http/responses';
import { Caller, type Principal, Roles, ownerFilter } from '../../auth/auth.guard';
import { sendWithEtag } from '../../http/etag';
import { EmptyBody } from '../../http/validation';
import { IdempotencyKey, fingerprintsOf, keyProblems } from '../../idempotency/idempotency.repository';
import { newId } from '../../ids';
import { ChangeLinesDto, ExtendDto, OwnReservationsQuery, ReserveDto } from './reservations.dto';
import {
  InsufficientStock,
  NotOnSale,
  reservationAlreadyConfirmed,
  reservationAlreadyReleased,
  reservationExpired,
  reservationHasOrder,
  reservationLifetimeExceeded,
  reservationLimitReached,
  unitsPerCustomerExceeded,
  reservationNotFound,
  reservationPinned,
  totalChanged,
} from '../inventory.errors';
import { reservationListType, reservationType, reservationView } from './reservations.responses';
import { reservationPage } from './reservation-list.repository';
import { checkedTtl } from './reservation-request';
import { reservationIdOf } from './reservation';
import { ReservationsService } from './reservations.service';

const endProblems = [
  reservationNotFound,
  reservationExpired,
  reservationAlreadyReleased,
  reservationAlreadyConfirmed,
];

@ApiTags('reservations')
@Controller('v1/reservations')
export class ReservationsController {
  constructor(
    private readonly reservations: ReservationsService,
    private readonly db: Database,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  @Post()
  @Roles('client', 'admin')
  @ApiOperation({
    summary: 'Take stock until a time to live ends',
    description: 'All lines or none; every short line is reported.',
  })
  @Responses({ 201: reservationType }, [
    InsufficientStock,
    NotOnSale,
    reservationLimitReached,
    unitsPerCustomerExceeded,
    ValidationFailed,
    ...keyProblems,
  ])
  async createReservation(
    @Body() dto: ReserveDto,
    @IdempotencyKey() key: string,
    @Caller() caller: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const request = {
      id: newId(),
      principal: caller.name,
      customerId: dto.customerId,
      orderId: null,
      lines: dto.lines,
      pool: dto.pool,
      ttlSeconds: checkedTtl(dto.ttlSeconds, this.config),
      metadata: dto.metadata ?? {},
    };
    const claim = {
      principal: caller.name,
      operation: 'reservations',
      key,
      ...fingerprintsOf(dto),
      resourceId: request.id,
    };
    const { id, replayed, reservation } = await this.reservations.create(request, claim);
    if (replayed) void reply.header('idempotent-replayed', 'true');
    const view = reservationView(reservation ?? (await this.reservations.get(id, caller)));
    void reply.header('location', `/v1/reservations/${view.id}`);
    return view;
  }

  @Get()
  @Roles('client', 'viewer', 'admin')
  @ApiOperation({
    summary: 'List your reservations',
    description: 'Newest first. All filters together must hold.',
  })
  @Responses({ 200: reservationListType }, [ValidationFailed])
  listReservations(@Query() query: OwnReservationsQuery, @Caller() caller: Principal) {
    return reservationPage(this.db, query, ownerFilter(caller));
  }

  @Get(':id')
  @Roles('client', 'viewer', 'admin')
  @ApiOperation({ summary: 'One reservation' })
  @Responses({ 200: reservationType }, [reservationNotFound])
  async getReservation(
    @Param('id') id: string,
    @Caller() caller: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const reservation = await this.reservations.get(reservationIdOf(id), caller);
    const view = reservationView(reservation);
    return sendWithEtag(request, reply, `${reservation.version}-${view.status}`, view);
  }

  @Patch(':id')
  @Roles('client', 'admin')
  @ApiOperation({
    summary: 'Change what a reservation holds',
    description:
      'By the difference per SKU, all or nothing: what it holds already is never in its own way, and nothing is given up before the rest is certain. A raised or new line takes the price of today for all its units; a lowered one keeps its price and its lowest unit numbers. `expiresAt` stays. A repeat answers with the reservation as it is now; look at `status`.',
  })
  @Responses({ 200: reservationType }, [
    ...endProblems,
    reservationPinned,
    reservationHasOrder,
    InsufficientStock,
    NotOnSale,
    reservationLimitReached,
    unitsPerCustomerExceeded,
    totalChanged,
    ValidationFailed,
    ...keyProblems,
  ])
  async changeReservation(
    @Param('id') id: string,
    @Body() dto: ChangeLinesDto,
    @IdempotencyKey() key: string,
    @Caller() caller: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { replayed } = await this.reservations.changeLines(reservationIdOf(id), dto, key, caller);
    if (replayed) void reply.header('idempotent-replayed', 'true');
    return this.current(id, caller);
  }

  @Post(':id/extend')
  @Roles('client', 'admin')
  @ApiOperation({
    summary: 'Move the end of a reservation',
    description:
      'To `ttlSeconds` from now. An end never moves earlier: a time that would end sooner than the present `expiresAt` changes nothing and is not counted in `extensionsUsed`.',
  })
  @Responses({ 200: reservationType }, [
    ...endProblems,
    reservationLifetimeExceeded,
    reservationPinned,
    ValidationFailed,
  ])
  async extendReservation(@Param('id') id: string, @Body() dto: ExtendDto, @Caller() caller: Principal) {
    await this.reservations.extend(reservationIdOf(id), checkedTtl(dto.ttlSeconds, this.config), caller);
    return this.current(id, caller);
  }

  @Post(':id/confirm')
  @Roles('client', 'admin')
  @ApiOperation({ summary: 'Sell the reserved stock', description: 'For shops that charge elsewhere.' })
  @Responses({ 200: reservationType }, [...endProblems, reservationPinned, reservationHasOrder])
  async confirmReservation(@Param('id') id: string, @Caller() caller: Principal, @EmptyBody() _: void) {
    await this.reservations.confirm(reservationIdOf(id), caller);
    return this.current(id, caller);
  }

  @Post(':id/release')
  @Roles('client', 'admin')
  @ApiOperation({ summary: 'Give the reserved stock back' })
  @Responses({ 200: reservationType }, [reservationNotFound, reservationAlreadyConfirmed, reservationPinned])
  async releaseReservation(@Param('id') id: string, @Caller() caller: Principal, @EmptyBody() _: void) {
    await this.reservations.release(reservationIdOf(id), caller);
    return this.current(id, caller);
  }

  private async current(id: string, caller: Principal) {
    return reservationView(await this.reservations.get(reservationIdOf(id), caller));
  }
}
