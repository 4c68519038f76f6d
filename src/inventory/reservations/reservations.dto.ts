import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsIn,
  IsInt,
  IsObject,
  Matches,
  Min,
  ValidateNested,
} from 'class-validator';
import { PageQuery } from '../../http/paging';
import {
  AreSomeOf,
  IsMetadata,
  IsSearchText,
  IsText,
  IsWholeWithin,
  MayBeAbsent,
} from '../../http/validation';
import { IsSku, quantityMax, linesMax, MoneyDto, IsPool } from '../inventory.dto';
import { reservationStatusType } from './reservations.responses';

export class LineDto {
  @ApiProperty({ example: 'TEE-BLACK-M' })
  @IsSku()
  sku!: string;

  @ApiProperty({ type: 'integer', example: 2, minimum: 1, maximum: quantityMax })
  @IsWholeWithin(1, quantityMax)
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
    MayBeAbsent({ type: MoneyDto, description: 'What the buyer was shown; any other total is refused.' }),
    Type(() => MoneyDto),
    ValidateNested(),
    IsObject({ message: 'expectedTotal must be an object with amount and currency' }),
  );

export const IsAskedPool = () =>
  applyDecorators(
    MayBeAbsent({
      description:
        'Where a product is split over pools: the one to be asked first, before the others. Without it, and for a product with a limit per customer, the customer decides. A name that a product does not have is ignored.',
      example: 'shard-1',
    }),
    IsPool(),
  );

/** Its maximum is a setting: `checkedTtl`. */
export const IsTtl = (description: string) =>
  applyDecorators(
    MayBeAbsent({ type: 'integer', minimum: 1, description, example: 600 }),
    IsInt({ message: 'ttlSeconds must be a whole number of seconds' }),
    Min(1, { message: 'ttlSeconds must be at least 1' }),
  );

export class ReserveDto {
  @ApiProperty({ description: "The shop's own id of the buyer.", example: 'cus_42' })
  @IsText(255)
  customerId!: string;

  @ApiProperty({ type: [LineDto], description: 'Lines of the same SKU are added up.' })
  @AreLines()
  lines!: LineDto[];

  @IsTtl('Seconds until the stock goes back on sale by itself.')
  ttlSeconds?: number;

  @IsAskedPool()
  pool?: string;

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
  @MayBeAbsent({ description: 'One status, or several separated by commas.', example: 'active,pinned' })
  @AreSomeOf(reservationStatusType.options)
  status?: string;

  @MayBeAbsent()
  @IsSku()
  sku?: string;

  @MayBeAbsent()
  @IsSearchText(255)
  customerId?: string;
}

export class ReservationListQuery extends OwnReservationsQuery {
  @MayBeAbsent({ type: 'integer', minimum: 0, example: 60 })
  @Matches(/^\d{1,6}$/, { message: 'expiringWithinSeconds must be a whole number of seconds' })
  expiringWithinSeconds?: string;

  @MayBeAbsent({ description: '`ends`: the soonest end first, for live ones.', enum: ['newest', 'ends'] })
  @IsIn(['newest', 'ends'], { message: 'sort must be newest or ends' })
  sort?: 'newest' | 'ends';
}
