import { Controller, Get, Param, Query, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ValidationFailed } from '../errors';
import { Answers } from '../http/answers';
import { Roles } from '../http/auth';
import { sendWithEtag } from '../http/etag';
import { linesMax } from './inventory.dto';
import { productNotFound } from './inventory.errors';
import { stockListType, stockType } from './inventory.schemas';
import { ProductsService } from './products.service';

@ApiTags('stock')
@ApiBearerAuth()
@Controller('v1/stock')
@Roles('client', 'viewer', 'admin')
export class StockController {
  constructor(private readonly products: ProductsService) {}

  @Get()
  @ApiOperation({
    summary: 'How much there is of several SKUs',
    description: 'Advisory; only a 201 is a promise. Unknown SKUs are left out.',
  })
  @Answers({ 200: stockListType }, [ValidationFailed.kind])
  @ApiQuery({ name: 'sku', isArray: true, type: String, description: `1 to ${linesMax} of them.` })
  async many(@Query('sku') sku: string | string[] | undefined) {
    const skus = [sku ?? []].flat();
    if (
      skus.length === 0 ||
      skus.length > linesMax ||
      skus.some((one) => typeof one !== 'string' || one.includes('\u0000'))
    ) {
      throw new ValidationFailed([
        { pointer: '/sku', code: 'sku_count', detail: `Name 1 to ${linesMax} SKUs: /v1/stock?sku=A&sku=B.` },
      ]);
    }
    return {
      object: 'list' as const,
      data: await this.products.stocks(skus),
      hasMore: false,
      nextCursor: null,
    };
  }

  @Get(':sku')
  @ApiOperation({
    summary: 'How much there is of one SKU',
    description: 'Advisory; only a 201 is a promise.',
  })
  @Answers({ 200: stockType }, [productNotFound.kind])
  async one(
    @Param('sku') sku: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const stock = await this.products.stock(sku);
    return sendWithEtag(request, reply, `${stock.onHand}-${stock.reserved}`, stock);
  }
}
