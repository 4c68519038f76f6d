import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { ArrayMaxSize, ArrayMinSize, ArrayUnique, IsArray, IsIn } from 'class-validator';
import { IsWholeWithin, IsWithin, MayBeAbsent } from '../http/validation';
import { ReasonDto } from '../audit-log/reason.dto';
import { strategyNames } from '../inventory/allocation/strategies/strategies';

/** No strategy twice, because each has one lane in the report. */
function IsStrategies() {
  const must = {
    message: `$property must be a list of at least one of ${strategyNames.join(', ')}, none of them twice`,
  };
  return applyDecorators(
    IsArray(must),
    ArrayMinSize(1, must),
    ArrayMaxSize(strategyNames.length, must),
    ArrayUnique(must),
    IsIn(strategyNames, { ...must, each: true }),
  );
}

export class NewLoadTestDto extends ReasonDto {
  @ApiProperty({ type: 'integer', example: 5_000, minimum: 1, maximum: 100_000 })
  @IsWholeWithin(1, 100_000)
  buyers!: number;

  @ApiProperty({
    type: 'integer',
    description: 'For sale; of each strategy’s own product.',
    example: 500,
    minimum: 1,
    maximum: 100_000,
  })
  @IsWholeWithin(1, 100_000)
  units!: number;

  @ApiProperty({ description: 'One sale for each, in this order.', enum: strategyNames, isArray: true })
  @IsStrategies()
  strategies!: string[];

  @ApiProperty({
    description: 'Share of the cards that are declined.',
    example: 0.08,
    minimum: 0,
    maximum: 1,
  })
  @IsWithin(0, 1)
  declineRate!: number;

  @ApiProperty({
    description: 'Share of the buyers who reserve and go away.',
    example: 0.02,
    minimum: 0,
    maximum: 1,
  })
  @IsWithin(0, 1)
  abandonRate!: number;

  @MayBeAbsent({ description: 'How many come each second, on average.', example: 1_000 })
  @IsWithin(1, 20_000)
  rate?: number;

  @MayBeAbsent({ type: 'integer', description: 'Repeats what was random.', example: 4_021 })
  @IsWholeWithin(0, 2 ** 31)
  seed?: number;
}
