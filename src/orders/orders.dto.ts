import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsIn, IsInt, IsObject, Min, ValidateNested } from 'class-validator';
import { PageQuery } from '../http/paging';
import { AreSomeOf, IsMetadata, IsSearchText, IsText, IsWholeWithin, MayBeAbsent } from '../http/validation';
import { MoneyDto } from '../inventory/inventory.dto';
import {
  AreLines,
  IsAskedPool,
  IsExpectedTotal,
  IsTtl,
  LineDto,
} from '../inventory/reservations/reservations.dto';
import { type CaptureMode, captureModes } from './order.entity';
import { orderStatusType } from './orders.responses';
import { IsPayment, IsPaymentMethod, PaymentDto } from './payment.dto';

/** What happens after a decline that another card may cure. */
export class OnDeclineDto {
  @ApiProperty({
    type: 'integer',
    minimum: 1,
    description: 'How long the stock stays reserved for another card, within the reservation’s lifetime.',
    example: 120,
  })
  @IsInt({ message: 'holdSeconds must be a whole number of seconds' })
  @Min(1, { message: 'holdSeconds must be at least 1' })
  holdSeconds!: number;

  @ApiProperty({
    type: 'integer',
    minimum: 2,
    maximum: 5,
    description: 'How many cards may be tried, the first included.',
    example: 3,
  })
  @IsWholeWithin(2, 5)
  attemptsMax!: number;
}

export class OrderDto {
  @ApiProperty({ description: "The shop's own id of the buyer.", example: 'cus_42' })
  @IsText(255)
  customerId!: string;

  @MayBeAbsent({
    description: "The provider's token of a card. Either this or a `payment`.",
    example: 'pm_card_visa',
  })
  @IsPaymentMethod()
  paymentMethod?: string;

  @MayBeAbsent({
    type: PaymentDto,
    description:
      'The same with options, instead of `paymentMethod`. The two forms are different bodies to an Idempotency-Key.',
  })
  @IsPayment()
  payment?: PaymentDto;

  @MayBeAbsent({ type: [LineDto], description: 'Either these or a `reservationId`.' })
  @AreLines()
  lines?: LineDto[];

  @MayBeAbsent({
    description: 'A reservation of the same customer.',
    example: 'rsv_01jd3v7q8ne05v7c0kq1e5m9tz',
  })
  @IsText(64)
  reservationId?: string;

  @IsTtl('Seconds until the stock goes back on sale if the charge has not begun.')
  ttlSeconds?: number;

  @IsAskedPool()
  pool?: string;

  @IsExpectedTotal()
  expectedTotal?: MoneyDto;

  @MayBeAbsent({
    enum: captureModes,
    default: captureModes[0],
    description:
      'When the money is taken. `automatic`: authorized, then captured, before the order is placed. `immediate`: both in one call, for sales that the provider’s rate limit slows down. `on_shipment`: authorized before the order is placed and captured when it ships, until `payment.captureBefore`.',
  })
  @IsIn(captureModes, { message: `capture must be one of ${captureModes.join(', ')}` })
  capture?: CaptureMode;

  @MayBeAbsent({
    type: OnDeclineDto,
    description:
      'Holds the stock for another card after a decline. Without it a decline rejects the order at once.',
  })
  @Type(() => OnDeclineDto)
  @ValidateNested()
  @IsObject({ message: 'onDecline must be an object with holdSeconds and attemptsMax' })
  onDecline?: OnDeclineDto;

  @IsMetadata()
  metadata?: Record<string, string>;
}

export class PaymentAttemptDto {
  @ApiProperty({ type: PaymentDto, description: 'Another card for the same order.' })
  @IsPayment()
  payment!: PaymentDto;
}

export class OrderListQuery extends PageQuery {
  @MayBeAbsent({ description: 'One status, or several separated by commas.', example: 'pending,placed' })
  @AreSomeOf(orderStatusType.options)
  status?: string;

  @MayBeAbsent()
  @IsSearchText(255)
  customerId?: string;
}
