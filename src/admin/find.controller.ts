import { Controller, Get, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiProperty, ApiTags } from '@nestjs/swagger';
import { Database } from '../database/database';
import { ValidationFailed } from '../errors';
import { Answers, documented } from '../http/answers';
import { Roles } from '../http/auth';
import { IsSearchText } from '../http/validation';
import { find } from './find';

const foundType = documented(
  'FoundList',
  {
    object: 'list',
    data: [{ kind: 'order', id: 'ord_01jd3v7q8nf0xv7c0kq1e5m9tz', label: 'placed, cus_42' }],
  },
  { enums: { 'data[].kind': ['order', 'reservation', 'dead_letter', 'product', 'customer'] } },
);

class FindQuery {
  @ApiProperty({
    description:
      "An id, a SKU or a product's name, a customer, a payment's reference, or an order's Idempotency-Key.",
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
  @ApiOperation({ summary: 'Find anything by what is known of it', description: 'At most 10, best first.' })
  @Answers({ 200: foundType }, [ValidationFailed.kind])
  async find(@Query() { q }: FindQuery) {
    return { object: 'list' as const, data: await find(this.db, q.trim()) };
  }
}
