import { Controller, Get, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiProperty, ApiTags } from '@nestjs/swagger';
import { Database } from '../../database/database';
import { ValidationFailed } from '../../errors';
import { Answers, documented } from '../../http/responses';
import { Roles } from '../../auth/auth.guard';
import { IsSearchText } from '../../http/validation';
import { find } from './find';

const foundType = documented(
  'FoundList',
  {
    object: 'list',
    data: [
      {
        kind: 'customer',
        id: 'cus_42',
        label: '3 orders, 4 reservations',
        orders: 3,
        reservations: 4,
      },
    ],
  },
  {
    enums: { 'data[].kind': ['order', 'reservation', 'dead_letter', 'product', 'customer'] },
    nullable: ['data[].orders', 'data[].reservations'],
  },
);

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
@ApiBearerAuth()
@Controller('v1/admin/find')
@Roles('admin', 'viewer')
export class FindController {
  constructor(private readonly db: Database) {}

  @Get()
  @ApiOperation({
    summary: 'Find anything by what is known of it',
    description:
      'At most 10, best first. An end of an id is looked for among what is not finished and the newest 500 000 of each kind.',
  })
  @Answers({ 200: foundType }, [ValidationFailed.kind])
  async find(@Query() { q }: FindQuery) {
    return { object: 'list' as const, data: await find(this.db, q.trim()) };
  }
}
