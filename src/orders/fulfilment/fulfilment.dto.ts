import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { ArrayMaxSize, ArrayMinSize, IsArray, IsObject, ValidateNested } from 'class-validator';
import { IsText, IsWholeWithin, MayBeAbsent } from '../../http/validation';
import { linesMax } from '../../inventory/inventory.dto';
import { LineDto } from '../../inventory/reservations/reservations.dto';
import type { Restock } from '../../inventory/shipments/shipping';
import { IsRestock, restocks } from '../../inventory/shipments/shipments.dto';

/** Far above any order, far below what integers hold. */
const amountMax = 99_999_999_999;

export const IsAmount = (description: string) =>
  applyDecorators(
    MayBeAbsent({ type: 'integer', minimum: 1, description, example: 1999 }),
    IsWholeWithin(1, amountMax),
  );

export class RefundLineDto extends LineDto {
  @MayBeAbsent({
    enum: restocks,
    default: 'none',
    description: '`sellable`: shipped units that came back are on sale again.',
  })
  @IsRestock()
  restock?: Restock;
}

/** How much, without why. */
export class RefundPartDto {
  @IsAmount("In minor units of the order's currency. Without it and without lines: all that is left.")
  amount?: number;

  @MayBeAbsent({ type: [RefundLineDto], description: 'What came back, at the price of the order.' })
  @Type(() => RefundLineDto)
  @ValidateNested({ each: true })
  @IsObject({ each: true, message: 'each line must be an object with sku and quantity' })
  @ArrayMaxSize(linesMax, { message: `lines must have at most ${linesMax} lines` })
  @ArrayMinSize(1, { message: 'lines must have at least one line' })
  @IsArray({ message: 'lines must be a list' })
  lines?: RefundLineDto[];
}

export class RefundDto extends RefundPartDto {
  @ApiProperty({ description: 'Why, for the shop and its books.', example: 'arrived broken' })
  @IsText(500)
  reason!: string;
}

export class CaptureDto {
  @IsAmount("In minor units of the order's currency. Without it: the total.")
  amount?: number;
}
