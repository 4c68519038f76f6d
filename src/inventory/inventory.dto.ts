import { applyDecorators } from '@nestjs/common';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsDefined,
  IsIn,
  IsInt,
  IsObject,
  Matches,
  Max,
  Min,
  NotEquals,
  ValidateNested,
} from 'class-validator';
import { PageQuery } from '../http/paging';
import { IsMetadata, IsSearchText, IsText, MayBeAbsent } from '../http/validation';
import { unitsPool } from './pools';
import { strategyNames } from './strategies/strategies';

/** More lines than any basket has, few enough that one order cannot lock the shop. */
export const linesMax = 50;
/** Above any real order, far below what integers hold, so that no sum overflows. */
export const quantityMax = 100_000;

export const skuPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const skuMessage = '$property must be 1 to 64 letters, digits, dots, dashes or underscores';

const poolPattern = /^[a-z0-9][a-z0-9-]{0,31}$/;
const poolMessage = '$property must be 1 to 32 small letters, digits or dashes';
/** Where each unit is a row of its own, which a pool among others is not. */
const namedPoolPattern = new RegExp(`^(?!${unitsPool}$)${poolPattern.source.slice(1)}`);
const namedPoolMessage = `each pool must be 1 to 32 small letters, digits or dashes, and not "${unitsPool}"`;

export class MoneyDto {
  @ApiProperty({ description: 'Minor units of the currency (cents).', example: 1999 })
  @Max(99_999_999_999, { message: 'amount must be at most 99999999999' })
  @Min(0, { message: 'amount must be 0 or more' })
  @IsInt({ message: 'amount must be a whole number of minor units' })
  amount!: number;

  @ApiProperty({ description: 'ISO 4217.', example: 'EUR' })
  @Matches(/^[A-Z]{3}$/, { message: 'currency must be three capital letters, e.g. EUR' })
  currency!: string;
}

export class LineDto {
  @ApiProperty({ example: 'TEE-BLACK-M' })
  @Matches(skuPattern, { message: skuMessage })
  sku!: string;

  @ApiProperty({ example: 2, minimum: 1, maximum: quantityMax })
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

  @ApiPropertyOptional({ description: 'Seconds until the stock goes back on sale by itself.', example: 600 })
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
  @ApiProperty({ description: 'Seconds from now.', example: 300 })
  @Min(1, { message: 'ttlSeconds must be at least 1' })
  @IsInt({ message: 'ttlSeconds must be a whole number of seconds' })
  ttlSeconds!: number;
}

/** Three characters that mean something are the least that a reason can be. */
const IsReason = () =>
  applyDecorators(
    Matches(/\S.*\S.*\S/, { message: 'reason must say in a few words why (3 to 500 characters)' }),
    IsText(500),
  );

export class ReasonDto {
  @ApiProperty({
    description: 'Why, in a few words, for the audit log.',
    minLength: 3,
    maxLength: 500,
    example: 'customer called',
  })
  @IsReason()
  reason!: string;
}

export class ProductDto {
  @ApiPropertyOptional({ description: 'Why, for the audit log.', minLength: 3, maxLength: 500 })
  @MayBeAbsent()
  @IsReason()
  reason?: string;

  @ApiProperty({ example: 'T-shirt, black, M' })
  @IsText(200)
  name!: string;

  @ApiProperty({ type: MoneyDto })
  @Type(() => MoneyDto)
  @ValidateNested()
  @IsObject({ message: 'unitPrice must be an object with amount and currency' })
  @IsDefined({ message: 'unitPrice must be given' })
  unitPrice!: MoneyDto;

  @ApiPropertyOptional({ description: 'Only when the SKU is new; later by adjustments.', example: 100 })
  @MayBeAbsent()
  @Max(1_000_000_000, { message: 'onHand must be at most 1000000000' })
  @Min(0, { message: 'onHand must be 0 or more' })
  @IsInt({ message: 'onHand must be a whole number' })
  onHand?: number;

  @ApiPropertyOptional({ enum: strategyNames, description: 'How rivals for the last units are kept apart.' })
  @MayBeAbsent()
  @IsIn(strategyNames, { message: `strategy must be one of ${strategyNames.join(', ')}` })
  strategy?: string;

  @ApiPropertyOptional({
    type: [String],
    description:
      'For the strategy "pools": the names of the pools among which the stock is split; eight shards if left out.',
    example: ['eu', 'us'],
  })
  @MayBeAbsent()
  @Matches(namedPoolPattern, { each: true, message: namedPoolMessage })
  @ArrayUnique({ message: 'pools must have no name twice' })
  @ArrayMaxSize(16, { message: 'pools must have at most 16 names' })
  @ArrayMinSize(2, { message: 'pools must have at least two names' })
  @IsArray({ message: 'pools must be a list' })
  pools?: string[];

  @ApiPropertyOptional({ example: 4 })
  @MayBeAbsent()
  @Max(quantityMax, { message: `quantityPerOrderMax must be at most ${quantityMax}` })
  @Min(1, { message: 'quantityPerOrderMax must be at least 1' })
  @IsInt({ message: 'quantityPerOrderMax must be a whole number' })
  quantityPerOrderMax?: number;

  @ApiPropertyOptional({ example: 1 })
  @MayBeAbsent()
  @Max(1_000_000, { message: 'reservationsPerCustomerMax must be at most 1000000' })
  @Min(1, { message: 'reservationsPerCustomerMax must be at least 1' })
  @IsInt({ message: 'reservationsPerCustomerMax must be a whole number' })
  reservationsPerCustomerMax?: number;
}

export class AdjustmentDto extends ReasonDto {
  @ApiProperty({ description: 'Units received (positive) or written off (negative).', example: 50 })
  @Max(1_000_000_000, { message: 'delta must be at most 1000000000' })
  @Min(-1_000_000_000, { message: 'delta must be at least -1000000000' })
  @IsInt({ message: 'delta must be a whole number' })
  @NotEquals(0, { message: 'delta must not be 0' })
  delta!: number;
}

export class TransferDto extends ReasonDto {
  @ApiProperty({ description: 'A pool that has stock of the product.', example: 'shard-1' })
  @Matches(poolPattern, { message: poolMessage })
  from!: string;

  @ApiProperty({ description: "One of the product's pools.", example: 'shard-2' })
  @Matches(poolPattern, { message: poolMessage })
  to!: string;

  @ApiProperty({ description: 'Units that are promised to nobody.', example: 5 })
  @Max(1_000_000_000, { message: 'quantity must be at most 1000000000' })
  @Min(1, { message: 'quantity must be at least 1' })
  @IsInt({ message: 'quantity must be a whole number' })
  quantity!: number;
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
  @ApiPropertyOptional({ type: Number, example: 60 })
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

export class SkuQuery {
  @ApiPropertyOptional({ description: 'One product; all of them if left out.' })
  @MayBeAbsent()
  @Matches(skuPattern, { message: skuMessage })
  sku?: string;
}

/** Which reservations are to be released. All that is given must hold; pinned ones stay in any case. */
export class ReleaseFilterDto {
  @ApiPropertyOptional({ type: [String], description: 'Picked by hand.' })
  @MayBeAbsent()
  @Matches(/^rsv_[0-9a-z]{26}$/, { each: true, message: 'each id must be that of a reservation' })
  @ArrayUnique({ message: 'ids must have no id twice' })
  @ArrayMaxSize(1_000, { message: 'ids must have at most 1000 ids' })
  @ArrayMinSize(1, { message: 'ids must have at least one id' })
  @IsArray({ message: 'ids must be a list' })
  ids?: string[];

  @ApiPropertyOptional({ description: 'As in the list; only `active` ones are released.', example: 'active' })
  @MayBeAbsent()
  @Matches(/^(active|pinned)(,(active|pinned))*$/, { message: 'status must be active or pinned, or both' })
  status?: string;

  @ApiPropertyOptional({ example: 'TEE-BLACK-M' })
  @MayBeAbsent()
  @Matches(skuPattern, { message: skuMessage })
  sku?: string;

  @ApiPropertyOptional()
  @MayBeAbsent()
  @IsSearchText(255)
  customerId?: string;

  @ApiPropertyOptional({ example: 60 })
  @MayBeAbsent()
  @Max(999_999, { message: 'expiringWithinSeconds must be at most 999999' })
  @Min(0, { message: 'expiringWithinSeconds must be 0 or more' })
  @IsInt({ message: 'expiringWithinSeconds must be a whole number of seconds' })
  expiringWithinSeconds?: number;
}

/** Either a count (`filter` and `dryRun`), or the release of what was counted (`token` and `reason`). */
export class ReleaseManyDto {
  @ApiPropertyOptional({ type: ReleaseFilterDto })
  @MayBeAbsent()
  @Type(() => ReleaseFilterDto)
  @ValidateNested()
  @IsObject({ message: 'filter must be an object' })
  filter?: ReleaseFilterDto;

  @ApiPropertyOptional({ description: 'Counts, and changes nothing.', example: true })
  @MayBeAbsent()
  @IsIn([true, false], { message: 'dryRun must be true or false' })
  dryRun?: boolean;

  @ApiPropertyOptional({ description: 'From the count: stands for exactly what it counted.' })
  @MayBeAbsent()
  @Matches(/^rel_[0-9a-z]{26}$/, { message: 'token must be the token of a count' })
  token?: string;

  @ApiPropertyOptional({
    description: 'Why, for the audit log; needed with a token.',
    example: 'wrong price',
  })
  @MayBeAbsent()
  @IsReason()
  reason?: string;
}
