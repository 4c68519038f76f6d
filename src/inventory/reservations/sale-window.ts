import type { HoldfastError } from '../../errors';
import { NotOnSale } from '../inventory.errors';
import type { Product } from '../products/products.repository';

/**
 * When products are on sale, by the database's clock. Asked twice of each request that takes stock: with the time at which
 * its products were read, so that a crowd before the opening takes no lock, and with a time after its stock rows' locks,
 * because it may have waited for them past the end.
 */
export function refuseOffSale(
  skus: Iterable<string>,
  products: ReadonlyMap<string, Product>,
  now: Date,
): HoldfastError | undefined {
  // guard: sale-by-database-clock
  const at = now.getTime();
  const off = [...new Set(skus)].map((sku) => products.get(sku)!).filter((product) => isOff(product, at));
  if (off.length === 0) return undefined;
  // One that is over is over for the whole request; else all must have begun.
  const decides = off.reduce((one, other) =>
    !isOver(one, at) && (isOver(other, at) || startOf(other) > startOf(one)) ? other : one,
  );
  const startsInMs = isOver(decides, at) ? null : startOf(decides) - at;
  return new NotOnSale(decides, startsInMs === null ? null : Math.ceil(startsInMs / 1_000));
}

type Window = Pick<Product, 'salesStartAt' | 'salesEndAt'>;

const startOf = ({ salesStartAt }: Window) => salesStartAt?.getTime() ?? -Infinity;
const isOver = ({ salesEndAt }: Window, at: number) => salesEndAt !== null && salesEndAt.getTime() <= at;
const isOff = (product: Window, at: number) => startOf(product) > at || isOver(product, at);
