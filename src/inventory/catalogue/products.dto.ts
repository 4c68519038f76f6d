import { unitsPool } from '../products/pools';
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
import { IsText, MayBeAbsent } from '../../http/validation';
import { strategyNames } from '../allocation/strategies/strategies';
import { ReasonDto, IsReason } from '../../audit-log/reason.dto';
import { MoneyDto, quantityMax, poolPattern, poolMessage } from '../inventory.dto';

/** The pool in which each unit has its own row cannot be one of several. */
const namedPoolPattern = new RegExp(`^(?!${unitsPool}$)${poolPattern.source.slice(1)}`);
const namedPoolMessage = `each pool must be 1 to 32 small letters, digits or dashes, and not "${unitsPool}"`;

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

  @ApiPropertyOptional({
    type: 'integer',
    description: 'Only when the SKU is new; later by adjustments.',
    example: 100,
  })
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

  @ApiPropertyOptional({ type: 'integer', example: 4 })
  @MayBeAbsent()
  @Max(quantityMax, { message: `quantityPerOrderMax must be at most ${quantityMax}` })
  @Min(1, { message: 'quantityPerOrderMax must be at least 1' })
  @IsInt({ message: 'quantityPerOrderMax must be a whole number' })
  quantityPerOrderMax?: number;

  @ApiPropertyOptional({ type: 'integer', example: 1 })
  @MayBeAbsent()
  @Max(1_000_000, { message: 'reservationsPerCustomerMax must be at most 1000000' })
  @Min(1, { message: 'reservationsPerCustomerMax must be at least 1' })
  @IsInt({ message: 'reservationsPerCustomerMax must be a whole number' })
  reservationsPerCustomerMax?: number;
}

export class AdjustmentDto extends ReasonDto {
  @ApiProperty({
    type: 'integer',
    description: 'Units received (positive) or written off (negative).',
    example: 50,
  })
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

  @ApiProperty({ type: 'integer', description: 'Units that are promised to nobody.', example: 5 })
  @Max(1_000_000_000, { message: 'quantity must be at most 1000000000' })
  @Min(1, { message: 'quantity must be at least 1' })
  @IsInt({ message: 'quantity must be a whole number' })
  quantity!: number;
}
