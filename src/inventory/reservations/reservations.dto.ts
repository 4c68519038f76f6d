import { applyDecorators } from '@nestjs/common';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsIn,
  IsInt,
  IsObject,
  Matches,
  Max,
  Min,
  ValidateNested,
} from 'class-validator';
import { PageQuery } from '../../http/paging';
import { IsMetadata, IsSearchText, IsText, MayBeAbsent } from '../../http/validation';
import {
  skuPattern,
  skuMessage,
  quantityMax,
  linesMax,
  MoneyDto,
  poolPattern,
  poolMessage,
} from '../inventory.dto';

export class LineDto {
  @ApiProperty({ example: 'TEE-BLACK-M' })
  @Matches(skuPattern, { message: skuMessage })
  sku!: string;

  @ApiProperty({ type: 'integer', example: 2, minimum: 1, maximum: quantityMax })
  @Max(quantityMax, { message: `quantity must be at most ${quantityMax}` })
  @Min(1, { message: 'quantity must be at least 1' })
  @IsInt({ message: 'quantity must be a whole number, not text or a fraction' })
  quantity!: number;
}

/** The lines of a basket. */
export const AreLines = () =>
  applyDecorators(
    Type(() => LineDto),
    ValidateNested({ each: true }),
    IsObject({ each: true, message: 'each line must be an object with sku and quantity' }),
    ArrayMaxSize(linesMax, { message: `lines must have at most ${linesMax} lines` }),
    ArrayMinSize(1, { message: 'lines must have at least one line' }),
    IsArray({ message: 'lines must be a list' }),
  );

/** What the buyer was shown. */
export const IsExpectedTotal = () =>
  applyDecorators(
    ApiPropertyOptional({
      type: MoneyDto,
      description: 'What the buyer was shown; any other total is refused.',
    }),
    MayBeAbsent(),
    Type(() => MoneyDto),
    ValidateNested(),
    IsObject({ message: 'expectedTotal must be an object with amount and currency' }),
  );

export const IsAskedPool = () =>
  applyDecorators(
    ApiPropertyOptional({
      description:
        'Where a product is split over pools: the one to be asked first, before the others. Without it, and for a product with reservationsPerCustomerMax, the customer decides. A name that a product does not have is ignored.',
      example: 'shard-1',
    }),
    MayBeAbsent(),
    Matches(poolPattern, { message: poolMessage }),
  );

export class ReserveDto {
  @ApiProperty({ description: "The shop's own id of the buyer.", example: 'cus_42' })
  @IsText(255)
  customerId!: string;

  @ApiProperty({ type: [LineDto], description: 'Lines of the same SKU are added up.' })
  @AreLines()
  lines!: LineDto[];

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    description: 'Seconds until the stock goes back on sale by itself.',
    example: 600,
  })
  @MayBeAbsent()
  @Min(1, { message: 'ttlSeconds must be at least 1' })
  @IsInt({ message: 'ttlSeconds must be a whole number of seconds' })
  ttlSeconds?: number;

  @IsAskedPool()
  pool?: string;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { type: 'string' },
    example: { basket: 'b-17' },
  })
  @MayBeAbsent()
  @IsMetadata()
  metadata?: Record<string, string>;
}

export class ChangeLinesDto {
  @ApiProperty({
    type: [LineDto],
    description:
      'All that it is to hold; what is left out is given back. Lines of the same SKU are added up.',
  })
  @AreLines()
  lines!: LineDto[];

  @IsExpectedTotal()
  expectedTotal?: MoneyDto;
}

export class ExtendDto {
  @ApiProperty({ type: 'integer', minimum: 1, description: 'Seconds from now.', example: 300 })
  @Min(1, { message: 'ttlSeconds must be at least 1' })
  @IsInt({ message: 'ttlSeconds must be a whole number of seconds' })
  ttlSeconds!: number;
}

export class OwnReservationsQuery extends PageQuery {
  @ApiPropertyOptional({
    description: 'One status, or several separated by commas.',
    example: 'active,pinned',
  })
  @MayBeAbsent()
  @Matches(/^(active|pinned|confirmed|released|expired)(,(active|pinned|confirmed|released|expired))*$/, {
    message: 'status must be active, pinned, confirmed, released or expired, several separated by commas',
  })
  status?: string;

  @ApiPropertyOptional()
  @MayBeAbsent()
  @Matches(skuPattern, { message: skuMessage })
  sku?: string;

  @ApiPropertyOptional()
  @MayBeAbsent()
  @IsSearchText(255)
  customerId?: string;
}

export class ReservationListQuery extends OwnReservationsQuery {
  @ApiPropertyOptional({ type: 'integer', minimum: 0, example: 60 })
  @MayBeAbsent()
  @Matches(/^\d{1,6}$/, { message: 'expiringWithinSeconds must be a whole number of seconds' })
  expiringWithinSeconds?: string;

  @ApiPropertyOptional({
    description: '`ends`: the soonest end first, for live ones.',
    enum: ['newest', 'ends'],
  })
  @MayBeAbsent()
  @IsIn(['newest', 'ends'], { message: 'sort must be newest or ends' })
  sort?: 'newest' | 'ends';
}
