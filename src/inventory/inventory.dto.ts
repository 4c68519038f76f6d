import { ApiProperty } from '@nestjs/swagger';
import { Matches } from 'class-validator';
import { IsWholeWithin, MayBeAbsent } from '../http/validation';

/** More lines than any basket has, few enough that one order cannot lock the shop. */
export const linesMax = 50;
/** Above any real order, far below what integers hold, so that no sum overflows. */
export const quantityMax = 100_000;

export const skuPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
export const IsSku = () =>
  Matches(skuPattern, { message: '$property must be 1 to 64 letters, digits, dots, dashes or underscores' });

export const poolPattern = /^[a-z0-9][a-z0-9-]{0,31}$/;
export const IsPool = () =>
  Matches(poolPattern, { message: '$property must be 1 to 32 small letters, digits or dashes' });

export class MoneyDto {
  @ApiProperty({ type: 'integer', description: 'Minor units of the currency (cents).', example: 1999 })
  @IsWholeWithin(0, 99_999_999_999)
  amount!: number;

  @ApiProperty({ description: 'ISO 4217.', example: 'EUR' })
  @Matches(/^[A-Z]{3}$/, { message: 'currency must be three capital letters, e.g. EUR' })
  currency!: string;
}

export class SkuQuery {
  @MayBeAbsent({ description: 'One product; all of them if left out.' })
  @IsSku()
  sku?: string;
}
