import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { Matches } from 'class-validator';
import { IsText } from '../http/validation';

/** Three characters that mean something are the least that a reason can be. */
export const IsReason = () =>
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
