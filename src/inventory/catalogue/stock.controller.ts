import { Controller, Get, Param, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ValidationFailed } from '../../errors';
import { Responses } from '../../http/responses';
import { Roles } from '../../auth/auth.guard';
import { sendWithEtag } from '../../http/etag';
import { productNotFound } from '../inventory.errors';
import { stockListType, stockType } from './products.responses';
import { ProductsService } from './products.service';

/** A page of a catalogue; so many SKUs of the longest kind fit into a request's address. */
const skusMax = 200;

@ApiTags('stock')
@Controller('v1/stock')
@Roles('client', 'viewer', 'admin')
export class StockController {
  constructor(private readonly products: ProductsService) {}

  @Get()
  @ApiOperation({
    summary: 'How much there is of several SKUs',
    description: 'Advisory; only a 201 is a promise. Those that no product has are in `unknown`.',
  })
  @Responses({ 200: stockListType }, [ValidationFailed])
  @ApiQuery({ name: 'sku', isArray: true, type: String, description: `1 to ${skusMax} of them.` })
  async listStock(@Query('sku') sku: string | string[] | undefined) {
    const skus = [sku ?? []].flat();
    if (
      skus.length === 0 ||
      skus.length > skusMax ||
      skus.some((one) => typeof one !== 'string' || one === '' || one.includes('\u0000'))
    ) {
      throw new ValidationFailed({
        pointer: '/sku',
        code: 'sku_count',
        detail: `Name 1 to ${skusMax} SKUs: /v1/stock?sku=A&sku=B.`,
      });
    }
    const data = await this.products.stocks(skus);
    const known = new Set(data.map(({ sku: one }) => one));
    return {
      object: 'list' as const,
      data,
      unknown: [...new Set(skus)].filter((one) => !known.has(one)),
      hasMore: false,
      nextCursor: null,
    };
  }

  @Get(':sku')
  @ApiOperation({
    summary: 'How much there is of one SKU',
    description: 'Advisory; only a 201 is a promise.',
  })
  @Responses({ 200: stockType }, [productNotFound])
  async getStock(
    @Param('sku') sku: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const stock = await this.products.stock(sku);
    return sendWithEtag(request, reply, `${stock.onHand}-${stock.reserved}`, stock);
  }
}
