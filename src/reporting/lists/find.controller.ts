import { Controller, Get, Query } from '@nestjs/common';
import { ApiOperation, ApiProperty, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Database } from '../../database/database';
import { ValidationFailed } from '../../errors';
import { Responses, responseType } from '../../http/responses';
import { Roles } from '../../auth/auth.guard';
import { IsSearchText } from '../../http/validation';
import { find, foundType } from './find';

const foundListType = responseType('FoundList', { object: z.literal('list'), data: z.array(foundType) });

class FindQuery {
  @ApiProperty({
    description:
      "An id (whole, its beginning, or its end as in `ord_…h7k2`), a SKU or a product's name, a customer, a payment's reference, or an order's Idempotency-Key.",
    example: 'cus_42',
  })
  @IsSearchText(255)
  q!: string;
}

@ApiTags('admin: operations')
@Controller('v1/admin/find')
@Roles('admin', 'viewer')
export class FindController {
  constructor(private readonly db: Database) {}

  @Get()
  @ApiOperation({
    summary: 'Find an order, reservation, product, customer or dead letter',
    description:
      'At most 10, best first. The end of an id is searched among what is unfinished and the newest 500 000 of each kind.',
  })
  @Responses({ 200: foundListType }, [ValidationFailed])
  async find(@Query() { q }: FindQuery) {
    return { object: 'list' as const, data: await find(this.db, q.trim()) };
  }
}
