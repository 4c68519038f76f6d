import { ApiPropertyOptional, ApiProperty } from '@nestjs/swagger';
import { IsInt, Matches, Min } from 'class-validator';
import { PageQuery } from '../http/paging';
import { IsMetadata, IsSearchText, IsText, MayBeAbsent } from '../http/validation';
import { MoneyDto } from '../inventory/inventory.dto';
import { AreLines, IsAskedPool, IsExpectedTotal, LineDto } from '../inventory/reservations/reservations.dto';

export class OrderDto {
  @ApiProperty({ description: "The shop's own id of the buyer.", example: 'cus_42' })
  @IsText(255)
  customerId!: string;

  @ApiProperty({ description: "The provider's token of a card.", example: 'pm_card_visa' })
  @Matches(/^[\x21-\x7e]+$/, { message: "paymentMethod must be the provider's token, without spaces" })
  @IsText(255)
  paymentMethod!: string;

  @ApiPropertyOptional({ type: [LineDto], description: 'Either these or a `reservationId`.' })
  @MayBeAbsent()
  @AreLines()
  lines?: LineDto[];

  @ApiPropertyOptional({
    description: 'A reservation of the same customer.',
    example: 'rsv_01jd3v7q8nf0xv7c0kq1e5m9tz',
  })
  @MayBeAbsent()
  @IsText(64)
  reservationId?: string;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    description: 'Seconds until the stock goes back on sale if the charge has not begun.',
    example: 600,
  })
  @MayBeAbsent()
  @Min(1, { message: 'ttlSeconds must be at least 1' })
  @IsInt({ message: 'ttlSeconds must be a whole number of seconds' })
  ttlSeconds?: number;

  @IsAskedPool()
  pool?: string;

  @IsExpectedTotal()
  expectedTotal?: MoneyDto;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { type: 'string' },
    example: { basket: 'b-17' },
  })
  @MayBeAbsent()
  @IsMetadata()
  metadata?: Record<string, string>;
}

const statuses = 'pending|placed|rejected|cancelled|refunded';
export const sagaStatuses = 'running|completed|compensating|compensated|stuck';
export const listOf = (words: string) => new RegExp(`^(${words})(,(${words}))*$`);

export class OrderListQuery extends PageQuery {
  @ApiPropertyOptional({
    description: 'One status, or several separated by commas.',
    example: 'pending,placed',
  })
  @MayBeAbsent()
  @Matches(listOf(statuses), {
    message: `status must be one of ${statuses.replaceAll('|', ', ')}, several separated by commas`,
  })
  status?: string;

  @ApiPropertyOptional()
  @MayBeAbsent()
  @IsSearchText(255)
  customerId?: string;
}
