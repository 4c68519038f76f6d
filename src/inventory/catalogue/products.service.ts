import { Injectable } from '@nestjs/common';
import { Database, type Tx, clockOf } from '../../database/database';
import { LostRace } from '../../database/pg-errors';
import { ValidationFailed } from '../../errors';
import { operatorAction } from '../../audit-log/operator-action';
import type { Principal } from '../../auth/auth.guard';
import { type Preconditions, isBasedOn, requireAbsent, requireIfMatch } from '../../http/etag';
import { type Page, type PageQuery, pageBounds, pageOf } from '../../http/paging';
import { dateOf } from '../../http/validation';
import { skuPattern } from '../inventory.dto';
import type { AdjustmentDto, ProductDto, TransferDto } from './products.dto';
import { type ProductConflict, editableOf, productView } from './products.responses';
import { listMovements, movementKey, movementView } from '../stock/movements.repository';
import { poolsOf } from '../products/pools';
import {
  type Product,
  type ProductWithStock,
  insertProduct,
  listProducts,
  lockProduct,
  updateProduct,
} from '../products/products.repository';
import {
  adjustStock,
  moveToPools,
  noSuchProduct,
  onHandOf,
  receiveFirst,
  transferStock,
} from '../stock/stock-changes';
import { readLevels, stockView } from '../stock/stock-levels.repository';
import { strategyDefault } from '../allocation/strategies/strategies';
import { lastActionOn } from '../../audit-log/audit-log.repository';
import { type Money, currencies, inMajorUnits } from '../../money';

type NewProduct = Omit<Product, 'version'>;
interface Edit {
  conditions: Preconditions;
  actor: Principal;
}

/** Products and their stock. Every change is in the audit log, every unit in the ledger of movements. */
@Injectable()
export class ProductsService {
  constructor(private readonly db: Database) {}

  /** Creates the product, or replaces everything but its stock. Replacing needs the version that it is based on. */
  async put(
    sku: string,
    dto: ProductDto,
    conditions: Preconditions,
    actor: Principal,
  ): Promise<'created' | 'replaced'> {
    const product = fromDto(sku, dto);
    let isNew = false;
    await operatorAction(this.db, { transaction: 'product', ...editOf(sku, dto, actor) }, async (tx) => {
      isNew = await insertProduct(tx, product);
      return isNew
        ? this.create(tx, product, dto, { conditions, actor })
        : this.replace(tx, product, dto, { conditions, actor });
    });
    return isNew ? 'created' : 'replaced';
  }

  private async create(tx: Tx, product: NewProduct, dto: ProductDto, { conditions, actor }: Edit) {
    requireAbsent(conditions);
    const onHand = dto.onHand ?? 0;
    await receiveFirst(tx, product, onHand, actor.name);
    return { action: 'product.create', after: { ...editableOf(product), onHand } };
  }

  private async replace(tx: Tx, product: NewProduct, dto: ProductDto, { conditions, actor }: Edit) {
    const before = await lockProduct(tx, product.sku);
    if (!before) throw new LostRace(`The product ${product.sku} is being created right now.`);
    const conflict = isBasedOn(conditions, before.version) ? {} : await conflictOf(tx, product);
    requireIfMatch(conditions, before.version, conflict);
    refuseNewStock(dto, await onHandOf(tx, product.sku));
    await moveToPools(tx, before, product, actor.name);
    await updateProduct(tx, product, await clockOf(tx));
    return { action: 'product.replace', before: editableOf(before), after: editableOf(product) };
  }

  /** Receives stock or writes it off. 409 when it would undercut what is promised to buyers. */
  async adjust(sku: string, dto: AdjustmentDto, key: string | undefined, actor: Principal) {
    refuseNoSku(sku);
    const once = { key, operation: `products/${sku}/adjustments`, request: dto };
    const { status } = await operatorAction(
      this.db,
      { transaction: 'product', ...editOf(sku, dto, actor), once },
      async (tx) => {
        await adjustStock(tx, sku, dto, actor.name);
        const onHand = await onHandOf(tx, sku);
        return { action: 'stock.adjust', before: { onHand: onHand - dto.delta }, after: { onHand } };
      },
    );
    return { replayed: status === 'replayed', stock: await this.stock(sku) };
  }

  /** Moves stock from pool to pool. The sum stays what it was. */
  async transfer(sku: string, dto: TransferDto, key: string | undefined, actor: Principal) {
    refuseNoSku(sku);
    const once = { key, operation: `products/${sku}/transfers`, request: dto };
    const { status } = await operatorAction(
      this.db,
      { transaction: 'transfer', ...editOf(sku, dto, actor), once },
      async (tx) => {
        await transferStock(tx, sku, dto, actor.name);
        return { action: 'stock.transfer', after: { from: dto.from, to: dto.to, quantity: dto.quantity } };
      },
    );
    return { replayed: status === 'replayed', product: await this.get(sku) };
  }

  async get(sku: string): Promise<ProductWithStock> {
    refuseNoSku(sku);
    const [product] = await listProducts(this.db, 1, null, sku);
    if (!product) throw noSuchProduct(sku);
    return product;
  }

  async list(query: PageQuery): Promise<Page<ReturnType<typeof productView>>> {
    const { limit, after } = pageBounds(query, skuPattern);
    return pageOf(await listProducts(this.db, limit, after), limit, (product) => product.sku, productView);
  }

  async movements(sku: string, query: PageQuery) {
    const { limit, after } = pageBounds(query, movementKey);
    await this.stock(sku);
    return pageOf(await listMovements(this.db, sku, limit, after), limit, ({ key }) => key, movementView);
  }

  async stock(sku: string) {
    refuseNoSku(sku);
    const [level] = await readLevels(this.db, [sku]);
    if (!level) throw noSuchProduct(sku);
    return stockView(level);
  }

  async stocks(skus: string[]) {
    return (await readLevels(this.db, skus)).map(stockView);
  }
}

const editOf = (sku: string, { reason }: { reason?: string }, actor: Principal) => ({
  actor,
  reason,
  object: { type: 'product' as const, id: sku },
});

function fromDto(sku: string, dto: ProductDto): NewProduct {
  const strategy = dto.strategy ?? strategyDefault;
  refuseUnchargeable(dto.unitPrice);
  refuseIdlePools(strategy, dto.pools);
  const [salesStartAt, salesEndAt] = [dateOf(dto.salesStartAt), dateOf(dto.salesEndAt)];
  refuseEndBeforeStart(salesStartAt, salesEndAt);
  return {
    sku,
    name: dto.name,
    unitAmount: dto.unitPrice.amount,
    currency: dto.unitPrice.currency,
    strategy,
    pools: poolsOf(strategy, dto.pools),
    quantityPerOrderMax: dto.quantityPerOrderMax ?? null,
    reservationsPerCustomerMax: dto.reservationsPerCustomerMax ?? null,
    safetyStock: dto.safetyStock ?? 0,
    salesStartAt,
    salesEndAt,
    unitsPerCustomerMax: dto.unitsPerCustomerMax ?? null,
  };
}

/** A small price is fine: ten of 0.10 EUR can be charged. Only totals have limits. */
function refuseUnchargeable({ amount, currency }: Money): void {
  const multiple = currencies.get(currency)?.multiple;
  if (multiple === undefined) {
    const detail = `The payment provider has no currency ${currency}. Use one that it charges.`;
    const error = { pointer: '/unitPrice/currency', code: 'unknown_currency', detail };
    throw new ValidationFailed(error, 0, { currency });
  }
  if (amount % multiple === 0) return;
  const [price, step] = [amount, multiple].map((minorUnits) =>
    inMajorUnits({ amount: minorUnits, currency }),
  );
  const detail = `This is ${price}, and only multiples of ${step} can be charged (${multiple} minor units).`;
  const error = { pointer: '/unitPrice/amount', code: 'amount_not_chargeable', detail };
  throw new ValidationFailed(error, 0, { currency, multiple });
}

function refuseIdlePools(strategy: string, pools: string[] | undefined): void {
  if (pools === undefined || strategy === 'pools') return;
  throw new ValidationFailed({
    pointer: '/pools',
    code: 'pools_unused',
    detail: `Only the strategy "pools" has pools to name; "${strategy}" keeps all stock in one.`,
  });
}

function refuseEndBeforeStart(start: Date | null, end: Date | null): void {
  if (!start || !end || start < end) return;
  throw new ValidationFailed({
    pointer: '/salesEndAt',
    code: 'ends_before_start',
    detail: `The sale must end after its start (${start.toISOString()}).`,
  });
}

/** Repeating the current number is harmless; any other would bypass the ledger. */
function refuseNewStock(dto: ProductDto, onHand: number): void {
  if (dto.onHand === undefined || dto.onHand === onHand) return;
  throw new ValidationFailed({
    pointer: '/onHand',
    code: 'on_hand_only_at_creation',
    detail: 'The product exists. Change its stock by POST …/adjustments, which is kept in the ledger.',
  });
}

/** A malformed SKU cannot exist, so the database is not asked. */
function refuseNoSku(sku: string): void {
  if (!skuPattern.test(sku)) throw noSuchProduct(sku);
}

/** For an edit based on an old version: the product as it is now, who edited it last, and what this edit asked for. */
async function conflictOf(
  tx: Tx,
  wanted: Omit<Product, 'version'>,
): Promise<Omit<ProductConflict, 'currentEtag'>> {
  const [now] = await listProducts(tx, 1, null, wanted.sku);
  const edits = ['product.create', 'product.replace'];
  const last = await lastActionOn(tx, { type: 'product', id: wanted.sku }, edits);
  return {
    now: productView(now!),
    yours: editableOf(wanted),
    changedBy: last?.actor ?? null,
    changedAt: last?.at.toISOString() ?? null,
    changedSecondsAgo: last?.seconds ?? null,
  };
}
