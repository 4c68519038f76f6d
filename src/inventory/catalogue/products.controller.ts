import { Body, Controller, Get, Headers, Param, Post, Put, Query, Req, Res } from '@nestjs/common';
import { ApiHeader, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ValidationFailed, preconditionFailed, preconditionRequired } from '../../errors';
import { Responses } from '../../http/responses';
import { Caller, type Principal, Roles } from '../../auth/auth.guard';
import { sendWithEtag } from '../../http/etag';
import { PageQuery } from '../../http/paging';
import { OptionalIdempotencyKey, idempotencyKeyReused } from '../../idempotency/idempotency.repository';
import { skuPattern } from '../inventory.dto';
import { AdjustmentDto, ProductDto, TransferDto } from './products.dto';
import { belowReserved, productNotFound } from '../inventory.errors';
import {
  movementListType,
  productListType,
  productType,
  productView,
  stockListType,
  stockType,
} from './products.responses';
import type { ProductWithStock } from '../products/products.repository';
import { ProductsService } from './products.service';

@ApiTags('admin: products')
@Controller('v1/admin/products')
export class ProductsController {
  constructor(private readonly products: ProductsService) {}

  @Put(':sku')
  @Roles('admin')
  @ApiOperation({ summary: 'Create or replace a product' })
  @ApiHeader({
    name: 'If-Match',
    required: false,
    description: 'The ETag that the change is based on; required to replace. 412 where there is no product.',
  })
  @ApiHeader({ name: 'If-None-Match', required: false, description: '`*` creates and never replaces (412).' })
  @Responses({ 200: productType, 201: productType }, [
    ValidationFailed,
    preconditionRequired,
    preconditionFailed,
  ])
  async putProduct(
    @Param('sku') sku: string,
    @Body() dto: ProductDto,
    @Headers() headers: Record<string, string | undefined>,
    @Caller() caller: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    if (!skuPattern.test(sku)) {
      throw new ValidationFailed({
        pointer: '/sku',
        code: 'sku_invalid',
        detail: 'A SKU is 1 to 64 letters, digits, dots, dashes or underscores.',
      });
    }
    const conditions = { ifMatch: headers['if-match'], ifNoneMatch: headers['if-none-match'] };
    const done = await this.products.put(sku, dto, conditions, caller);
    const product = await this.products.get(sku);
    void reply.status(done === 'created' ? 201 : 200).header('etag', `"${tagOf(product)}"`);
    return productView(product);
  }

  @Get()
  @Roles('admin', 'viewer')
  @ApiOperation({ summary: 'List products by SKU' })
  @Responses({ 200: productListType }, [ValidationFailed])
  listProducts(@Query() query: PageQuery) {
    return this.products.list(query);
  }

  @Get(':sku')
  @Roles('admin', 'viewer')
  @ApiOperation({ summary: 'One product with its stock' })
  @Responses({ 200: productType }, [productNotFound])
  async getProduct(
    @Param('sku') sku: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const product = await this.products.get(sku);
    return sendWithEtag(request, reply, tagOf(product), productView(product));
  }

  @Get(':sku/movements')
  @Roles('admin', 'viewer')
  @ApiOperation({
    summary: 'How its stock came to be what it is',
    description: 'Newest first. Nothing in it is ever changed, and it adds up to what is on hand.',
  })
  @Responses({ 200: movementListType }, [productNotFound, ValidationFailed])
  listMovements(@Param('sku') sku: string, @Query() query: PageQuery) {
    return this.products.movements(sku, query);
  }

  @Post(':sku/adjustments')
  @Roles('admin')
  @ApiOperation({ summary: 'Receive stock or write it off' })
  @Responses({ 200: stockType }, [productNotFound, belowReserved, ValidationFailed, idempotencyKeyReused])
  async adjustStock(
    @Param('sku') sku: string,
    @Body() dto: AdjustmentDto,
    @OptionalIdempotencyKey() key: string | undefined,
    @Caller() caller: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { replayed, stock } = await this.products.adjust(sku, dto, key, caller);
    if (replayed) void reply.header('idempotent-replayed', 'true');
    return stock;
  }

  @Post(':sku/transfers')
  @Roles('admin')
  @ApiOperation({
    summary: 'Move stock from pool to pool',
    description:
      'What is promised to buyers stays where it is. A pool that is left nearly empty is filled up again from the others.',
  })
  @Responses({ 200: productType }, [productNotFound, belowReserved, ValidationFailed, idempotencyKeyReused])
  async transferStock(
    @Param('sku') sku: string,
    @Body() dto: TransferDto,
    @OptionalIdempotencyKey() key: string | undefined,
    @Caller() caller: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { replayed, product } = await this.products.transfer(sku, dto, key, caller);
    if (replayed) void reply.header('idempotent-replayed', 'true');
    return productView(product);
  }
}

/** An edit is based on the version that comes first; the stock behind it moves by itself and hinders no edit. */
const tagOf = ({ version, levels }: ProductWithStock) =>
  [
    version,
    levels.reduce((sum, level) => sum + level.version, 0),
    levels.reduce((sum, level) => sum + level.active, 0),
    levels.reduce((sum, level) => sum + level.pinned, 0),
  ].join('.');

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
    return sendWithEtag(request, reply, `${stock.onHand}-${stock.reserved}-${stock.safetyStock}`, stock);
  }
}
