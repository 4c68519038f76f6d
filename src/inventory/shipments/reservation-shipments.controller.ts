import { Body, Controller, Param, Post, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Caller, type Principal, Roles } from '../../auth/auth.guard';
import { ValidationFailed } from '../../errors';
import { Responses } from '../../http/responses';
import { IdempotencyKey, keyProblems } from '../../idempotency/idempotency.repository';
import {
  moreThanSold,
  reservationAlreadyReleased,
  reservationExpired,
  reservationHasOrder,
  reservationNotConfirmed,
  reservationNotFound,
} from '../inventory.errors';
import { reservationIdOf } from '../reservations/reservation';
import { reservationType, reservationView } from '../reservations/reservations.responses';
import { ReservationsService } from '../reservations/reservations.service';
import { ReservationShipments } from './reservation-shipments';
import { ReturnDto, ShipDto } from './shipments.dto';

const soldProblems = [
  ValidationFailed,
  reservationNotFound,
  reservationExpired,
  reservationAlreadyReleased,
  reservationNotConfirmed,
  reservationHasOrder,
  moreThanSold,
  ...keyProblems,
];

@ApiTags('reservations')
@Controller('v1/reservations')
export class ReservationShipmentsController {
  constructor(
    private readonly shipments: ReservationShipments,
    private readonly reservations: ReservationsService,
  ) {}

  @Post(':id/ship')
  @Roles('client', 'admin')
  @ApiOperation({
    summary: 'Ship sold goods',
    description:
      'For shops that charge elsewhere. The units leave `onHand` and `reserved`; what is available stays as it is.',
  })
  @Responses({ 201: reservationType }, soldProblems)
  async shipReservation(
    @Param('id') id: string,
    @Body() dto: ShipDto,
    @IdempotencyKey() key: string,
    @Caller() caller: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { replayed } = await this.shipments.ship(reservationIdOf(id), dto, key, caller);
    return this.current(id, replayed, caller, reply);
  }

  @Post(':id/return')
  @Roles('client', 'admin')
  @ApiOperation({
    summary: 'Take sold goods back',
    description:
      'For shops that charge elsewhere. Units that were not shipped go back on sale first; shipped ones only with `restock: sellable`.',
  })
  @Responses({ 200: reservationType }, soldProblems)
  async returnReservation(
    @Param('id') id: string,
    @Body() dto: ReturnDto,
    @IdempotencyKey() key: string,
    @Caller() caller: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { replayed } = await this.shipments.takeBack(reservationIdOf(id), dto, key, caller);
    return this.current(id, replayed, caller, reply);
  }

  private async current(id: string, replayed: boolean, caller: Principal, reply: FastifyReply) {
    if (replayed) void reply.header('idempotent-replayed', 'true');
    return reservationView(await this.reservations.get(reservationIdOf(id), caller));
  }
}
