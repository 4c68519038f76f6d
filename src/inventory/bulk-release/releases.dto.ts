import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsIn,
  IsObject,
  Matches,
  ValidateNested,
} from 'class-validator';
import { AreSomeOf, IsSearchText, IsWholeWithin, MayBeAbsent } from '../../http/validation';
import { IsSku } from '../inventory.dto';
import { IsReason } from '../../audit-log/reason.dto';

/** Which reservations are to be released. All that is given must hold; pinned ones stay in any case. */
export class ReleaseFilterDto {
  @MayBeAbsent({ type: [String], description: 'Picked by hand.' })
  @Matches(/^rsv_[0-9a-z]{26}$/, { each: true, message: 'each id must be that of a reservation' })
  @ArrayUnique({ message: 'ids must have no id twice' })
  @ArrayMaxSize(1_000, { message: 'ids must have at most 1000 ids' })
  @ArrayMinSize(1, { message: 'ids must have at least one id' })
  @IsArray({ message: 'ids must be a list' })
  ids?: string[];

  @MayBeAbsent({ description: 'As in the list; only `active` ones are released.', example: 'active' })
  @AreSomeOf(['active', 'pinned'])
  status?: string;

  @MayBeAbsent({ example: 'TEE-BLACK-M' })
  @IsSku()
  sku?: string;

  @MayBeAbsent()
  @IsSearchText(255)
  customerId?: string;

  @MayBeAbsent({ type: 'integer', example: 60 })
  @IsWholeWithin(0, 999_999)
  expiringWithinSeconds?: number;
}

/** Either a count (`filter` and `dryRun`), or the release of what was counted (`token` and `reason`). */
export class ReleaseManyDto {
  @MayBeAbsent({ type: ReleaseFilterDto })
  @Type(() => ReleaseFilterDto)
  @ValidateNested()
  @IsObject({ message: 'filter must be an object' })
  filter?: ReleaseFilterDto;

  @MayBeAbsent({ description: 'Counts, and changes nothing.', example: true })
  @IsIn([true, false], { message: 'dryRun must be true or false' })
  dryRun?: boolean;

  @MayBeAbsent({ description: 'From the count: stands for exactly what it counted.' })
  @Matches(/^rel_[0-9a-z]{26}$/, { message: 'token must be the token of a count' })
  token?: string;

  @MayBeAbsent({ description: 'Why, for the audit log; needed with a token.', example: 'wrong price' })
  @IsReason()
  reason?: string;
}
