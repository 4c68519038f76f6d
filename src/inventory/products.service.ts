import { Injectable } from '@nestjs/common';
import { Database, type Tx } from '../database/database';
import { LostRace } from '../database/pg-errors';
import { ValidationFailed } from '../errors';
import { recordAction } from '../http/admin-actions';
import type { Principal } from '../http/auth';
import { requireIfMatch } from '../http/etag';
import { type Page, type PageQuery, pageBounds, pageOf } from '../http/paging';
import { alreadyDone } from '../idempotency/idempotency';
import { newId } from '../ids';
import { type AdjustmentDto, type ProductDto, skuPattern } from './inventory.dto';
import { belowReserved, productNotFound } from './inventory.errors';
import { productView } from './inventory.views';
import {
  type Product,
  type ProductWithStock,
  appendMovement,
  changeOnHand,
  insertLevel,
  insertProduct,
  listProducts,
  lockProduct,
  updateProduct,
} from './products.repository';
import { lockLevels, mainPool, readLevels, stockView } from './stock-levels';
import { strategyDefault } from './strategies/strategies';

/** Products and how much of them there is. Every change is in the audit log, every unit in the ledger of movements. */
@Injectable()
export class ProductsService {
  constructor(private readonly db: Database) {}

  /** Creates the product, or replaces everything but its stock. Replacing needs the version that it is based on. */
  async put(
    sku: string,
    dto: ProductDto,
    ifMatch: string | undefined,
    actor: Principal,
  ): Promise<'created' | 'replaced'> {
    return this.db.transaction('product', async (tx) => {
      const product = fromDto(sku, dto);
      if (await insertProduct(tx, product)) {
        await insertLevel(tx, sku, mainPool, 0);
        if (dto.onHand)
          await this.move(tx, { sku, delta: dto.onHand, reason: 'initial stock', actor: actor.name });
        await recordAction(tx, actor, {
          action: 'product.create',
          objectType: 'product',
          objectId: sku,
          after: dto,
        });
        return 'created';
      }
      // The stock row's lock first: a change of strategy then waits for the buyers who are being served by the old one.
      const [level] = await lockLevels(tx, [{ sku, pool: mainPool }]);
      const before = await lockProduct(tx, sku);
      if (!before || !level) throw new LostRace(`The product ${sku} is being created right now.`);
      requireIfMatch(ifMatch, before.version);
      refuseNewStock(dto, level.onHand);
      const [{ now } = { now: new Date() }] = await tx.rows<{ now: Date }>('SELECT clock_timestamp() AS now');
      await updateProduct(tx, product, now);
      await recordAction(tx, actor, {
        action: 'product.replace',
        objectType: 'product',
        objectId: sku,
        before,
        after: dto,
      });
      return 'replaced';
    });
  }

  /** Receives stock or writes it off. 409 when it would undercut what is promised to buyers. */
  async adjust(sku: string, dto: AdjustmentDto, key: string | undefined, actor: Principal) {
    refuseNoSku(sku);
    const replayed = await this.db.transaction(
      'product',
      async (tx) => {
        const operation = `products/${sku}/adjustments`;
        if (
          await alreadyDone(tx, key, { principal: actor.name, operation, resourceId: newId(), request: dto })
        )
          return true;
        await this.move(tx, { sku, delta: dto.delta, reason: dto.reason, actor: actor.name });
        await recordAction(tx, actor, {
          action: 'stock.adjust',
          objectType: 'product',
          objectId: sku,
          reason: dto.reason,
          after: { delta: dto.delta },
        });
        return false;
      },
      { rerunWhenCommitIsUnknown: key !== undefined },
    );
    return { replayed, stock: await this.stock(sku) };
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

  async stock(sku: string) {
    refuseNoSku(sku);
    const [level] = await readLevels(this.db, [sku]);
    if (!level) throw noSuchProduct(sku);
    return stockView(level);
  }

  async stocks(skus: string[]) {
    return (await readLevels(this.db, skus)).map(stockView);
  }

  private async move(
    tx: Tx,
    change: { sku: string; delta: number; reason: string; actor: string },
  ): Promise<void> {
    const [level] = await lockLevels(tx, [{ sku: change.sku, pool: mainPool }]);
    if (!level) throw noSuchProduct(change.sku);
    if (level.onHand + change.delta > onHandMax) throw tooMany();
    const after = await changeOnHand(tx, change.sku, mainPool, change.delta);
    if (!after) {
      const available = level.onHand - level.reserved;
      throw belowReserved(
        `${level.reserved} of ${level.onHand} units are promised to buyers. Take off at most ${available}, or release reservations first.`,
        { onHand: level.onHand, reserved: level.reserved, available },
      );
    }
    await appendMovement(tx, mainPool, {
      sku: change.sku,
      kind: change.delta >= 0 ? 'receive' : 'adjust',
      delta: change.delta,
      onHandAfter: after.onHand,
      levelVersion: after.version,
      reason: change.reason,
      actor: change.actor,
    });
  }
}

const fromDto = (sku: string, dto: ProductDto): Omit<Product, 'version'> => ({
  sku,
  name: dto.name,
  unitAmount: dto.unitPrice.amount,
  currency: dto.unitPrice.currency,
  strategy: dto.strategy ?? strategyDefault,
  quantityPerOrderMax: dto.quantityPerOrderMax ?? null,
  reservationsPerCustomerMax: dto.reservationsPerCustomerMax ?? null,
});

/** Repeating the number that is there is harmless; any other would bypass the ledger. */
function refuseNewStock(dto: ProductDto, onHand: number): void {
  if (dto.onHand === undefined || dto.onHand === onHand) return;
  throw new ValidationFailed([
    {
      pointer: '/onHand',
      code: 'on_hand_only_at_creation',
      detail: 'The product exists. Change its stock by POST …/adjustments, which is kept in the ledger.',
    },
  ]);
}

/** As much as a product may start with; far below what the column holds. */
const onHandMax = 1_000_000_000;

const tooMany = () =>
  new ValidationFailed([
    { pointer: '/delta', code: 'on_hand_max', detail: `A product holds at most ${onHandMax} units.` },
  ]);

const noSuchProduct = (sku: string) =>
  productNotFound(`There is no product with the SKU "${sku.slice(0, 64)}".`);

/** What cannot be a SKU names no product, and need not be looked for. */
function refuseNoSku(sku: string): void {
  if (!skuPattern.test(sku)) throw noSuchProduct(sku);
}
