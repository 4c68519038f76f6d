import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, Matches } from 'class-validator';
import { IsInstant, MayBeAbsent } from '../../http/validation';
import { stepNames } from '../../orders/checkout-saga/checkout.saga';
import { OrderListQuery, listOf, sagaStatuses } from '../../orders/orders.dto';

export class AdminOrderListQuery extends OrderListQuery {
  @ApiPropertyOptional({ description: 'One status, or several separated by commas.', example: 'stuck' })
  @MayBeAbsent()
  @Matches(listOf(sagaStatuses), {
    message: `sagaStatus must be one of ${sagaStatuses.replaceAll('|', ', ')}, several separated by commas`,
  })
  sagaStatus?: string;

  @ApiPropertyOptional({
    description: 'The step it stands at; several separated by commas.',
    example: 'capture-payment',
  })
  @MayBeAbsent()
  @Matches(listOf(stepNames.join('|')), {
    message: `step must be one of ${stepNames.join(', ')}, several separated by commas`,
  })
  step?: string;

  @ApiPropertyOptional({ description: 'Only those with a payment that was not heard of.', enum: ['unknown'] })
  @MayBeAbsent()
  @IsIn(['unknown'], { message: 'paymentStatus can only be unknown' })
  paymentStatus?: 'unknown';

  @ApiPropertyOptional({ description: 'Created at this instant or later.', example: '2026-11-20T10:00:00Z' })
  @MayBeAbsent()
  @IsInstant()
  from?: string;

  @ApiPropertyOptional({ description: 'Created before this instant.', example: '2026-11-20T11:00:00Z' })
  @MayBeAbsent()
  @IsInstant()
  to?: string;
}
