import { unitsPool } from '../products/pools';
import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsDefined,
  IsIn,
  IsObject,
  Matches,
  NotEquals,
  ValidateNested,
} from 'class-validator';
import { IsInstant, IsText, IsWholeWithin, MayBeAbsent } from '../../http/validation';
import { strategyNames } from '../allocation/strategies/strategies';
import { ReasonDto, IsReason } from '../../audit-log/reason.dto';
import { MoneyDto, quantityMax, poolPattern, IsPool } from '../inventory.dto';

/** The pool in which each unit has its own row cannot be one of several. */
const namedPoolPattern = new RegExp(`^(?!${unitsPool}$)${poolPattern.source.slice(1)}`);
const namedPoolMessage = `each pool must be 1 to 32 small letters, digits or dashes, and not "${unitsPool}"`;

export class ProductDto {
  @MayBeAbsent({ description: 'Why, for the audit log.', minLength: 3, maxLength: 500 })
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

  @MayBeAbsent({
    type: 'integer',
    description: 'Only when the SKU is new; later by adjustments.',
    example: 100,
  })
  @IsWholeWithin(0, 1_000_000_000)
  onHand?: number;

  @MayBeAbsent({ enum: strategyNames, description: 'How rivals for the last units are kept apart.' })
  @IsIn(strategyNames, { message: `strategy must be one of ${strategyNames.join(', ')}` })
  strategy?: string;

  @MayBeAbsent({
    type: [String],
    description:
      'For the strategy "pools": the names of the pools among which the stock is split; eight shards if left out.',
    example: ['eu', 'us'],
  })
  @Matches(namedPoolPattern, { each: true, message: namedPoolMessage })
  @ArrayUnique({ message: 'pools must have no name twice' })
  @ArrayMaxSize(16, { message: 'pools must have at most 16 names' })
  @ArrayMinSize(2, { message: 'pools must have at least two names' })
  @IsArray({ message: 'pools must be a list' })
  pools?: string[];

  @MayBeAbsent({ type: 'integer', example: 4 })
  @IsWholeWithin(1, quantityMax)
  quantityPerOrderMax?: number;

  @MayBeAbsent({ type: 'integer', example: 1 })
  @IsWholeWithin(1, 1_000_000)
  reservationsPerCustomerMax?: number;

  @MayBeAbsent({
    type: 'integer',
    description: 'Units that one customer may hold and have bought; any number, if left out.',
    example: 2,
  })
  @IsWholeWithin(1, 1_000_000)
  unitsPerCustomerMax?: number;

  @MayBeAbsent({ type: 'integer', description: 'Units that are never offered; 0 if left out.', example: 3 })
  @IsWholeWithin(0, 1_000_000_000)
  safetyStock?: number;

  @MayBeAbsent({
    description: "Stock can be taken from this time on, by the database's clock; always, if left out.",
    example: '2026-11-20T10:00:00Z',
  })
  @IsInstant()
  salesStartAt?: string;

  @MayBeAbsent({ description: 'And up to this time; after salesStartAt.', example: '2026-11-21T10:00:00Z' })
  @IsInstant()
  salesEndAt?: string;
}

export class AdjustmentDto extends ReasonDto {
  @ApiProperty({
    type: 'integer',
    description: 'Units received (positive) or written off (negative).',
    example: 50,
  })
  @IsWholeWithin(-1_000_000_000, 1_000_000_000)
  @NotEquals(0, { message: 'delta must not be 0' })
  delta!: number;
}

export class TransferDto extends ReasonDto {
  @ApiProperty({ description: 'A pool that has stock of the product.', example: 'shard-1' })
  @IsPool()
  from!: string;

  @ApiProperty({ description: "One of the product's pools.", example: 'shard-2' })
  @IsPool()
  to!: string;

  @ApiProperty({ type: 'integer', description: 'Units that are promised to nobody.', example: 5 })
  @IsWholeWithin(1, 1_000_000_000)
  quantity!: number;
}
