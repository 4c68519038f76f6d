import { ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsIn,
  IsInt,
  IsObject,
  Matches,
  Max,
  Min,
  ValidateNested,
} from 'class-validator';
import { IsSearchText, MayBeAbsent } from '../../http/validation';
import { skuPattern, skuMessage } from '../inventory.dto';
import { IsReason } from '../../audit-log/reason.dto';

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

  @ApiPropertyOptional({ type: 'integer', example: 60 })
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
