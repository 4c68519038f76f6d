import { ApiProperty } from '@nestjs/swagger';
import { ArrayMaxSize, ArrayMinSize, IsArray, IsIn, IsString, Matches, MaxLength } from 'class-validator';
import { ReasonDto } from '../../audit-log/reason.dto';
import { PageQuery } from '../../http/paging';
import { IsText, IsWholeWithin, MayBeAbsent } from '../../http/validation';

const TypesOfEvents = () => [
  MaxLength(60, { each: true, message: 'each type must be the name of a type of event' }),
  IsString({ each: true, message: 'each type must be text' }),
  ArrayMaxSize(50, { message: 'types must have at most 50 entries' }),
  ArrayMinSize(1, { message: 'types must have at least one entry; leave it out for all' }),
  IsArray({ message: 'types must be a list' }),
];

/** All of them on one property. */
const AreTypes = () => (target: object, name: string | symbol) =>
  TypesOfEvents().forEach((decorate) => decorate(target, name));

const typesDescription = 'Types of events; `order.*` is all that begin so. Left out: all.';

export class NewEndpointDto {
  @ApiProperty({ example: 'https://shop.example/webhooks', maxLength: 2_048 })
  @IsString({ message: 'url must be text' })
  url!: string;

  @MayBeAbsent({ type: [String], description: typesDescription, example: ['order.*'] })
  @AreTypes()
  types?: string[];

  @MayBeAbsent({ example: 'the warehouse', maxLength: 500 })
  @IsText(500)
  description?: string;
}

export class EndpointChangeDto {
  @MayBeAbsent({ example: 'https://shop.example/webhooks', maxLength: 2_048 })
  @IsString({ message: 'url must be text' })
  url?: string;

  @MayBeAbsent({ type: [String], description: 'Types of events; `["*"]` for all.', example: ['order.*'] })
  @AreTypes()
  types?: string[];

  @MayBeAbsent({ example: 'the warehouse', maxLength: 500 })
  @IsText(500)
  description?: string;

  @MayBeAbsent({ enum: ['enabled', 'disabled'], example: 'enabled' })
  @IsIn(['enabled', 'disabled'], { message: 'status must be enabled or disabled' })
  status?: 'enabled' | 'disabled';
}

export class RotationDto {
  @MayBeAbsent({
    type: 'integer',
    minimum: 0,
    maximum: 72,
    example: 24,
    description: 'How long both secrets sign. 24 if left out.',
  })
  @IsWholeWithin(0, 72)
  overlapHours?: number;
}

export class ReplayDto {
  @MayBeAbsent({
    description: 'A time, or a `nextCursor` of GET /v1/events. Sends what came after it.',
    example: '2026-11-20T10:00:00Z',
    maxLength: 200,
  })
  @MaxLength(200, { message: 'from must be a time or a cursor' })
  @IsString({ message: 'from must be a time or a cursor' })
  from?: string;

  @MayBeAbsent({ type: [String], description: 'Only these types. Left out: those of the endpoint.' })
  @AreTypes()
  types?: string[];

  @MayBeAbsent({ type: [String], description: 'These events, at most 100, instead of `from`.' })
  @Matches(/^evt_[0-9a-z]{26}$/, { each: true, message: 'each id must be that of an event' })
  @ArrayMaxSize(100, { message: 'eventIds must have at most 100 ids' })
  @ArrayMinSize(1, { message: 'eventIds must have at least one id' })
  @IsArray({ message: 'eventIds must be a list' })
  eventIds?: string[];
}

export class AdminReplayDto extends ReplayDto implements ReasonDto {
  @ApiProperty({ minLength: 3, maxLength: 500, example: 'the shop lost its database' })
  @Matches(/\S.*\S.*\S/, { message: 'reason must say in a few words why (3 to 500 characters)' })
  @IsText(500)
  reason!: string;
}

export class DeliveriesQuery extends PageQuery {
  @MayBeAbsent({ enum: ['waiting', 'delivered', 'given_up'], example: 'waiting' })
  @IsIn(['waiting', 'delivered', 'given_up'], { message: 'status must be waiting, delivered or given_up' })
  status?: 'waiting' | 'delivered' | 'given_up';

  @MayBeAbsent({ example: 'evt_01jd3v7q8ne05v7c0kq1e5m9tz' })
  @Matches(/^evt_[0-9a-z]{26}$/, { message: 'eventId must be the id of an event' })
  eventId?: string;
}
