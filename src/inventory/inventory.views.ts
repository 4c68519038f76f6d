import { publicId } from '../ids';
import { availableIn, inAllPools } from './pools';
import type { HeldInPool, ProductWithStock } from './products.repository';
import type { Reservation, ReservationLine } from './reservations.repository';
import { isDue } from './reservation-rules';

/** What clients see. Money in minor units with its currency, ids as TypeIDs, instants both as a time and as seconds. */

export const money = (amount: number, currency: string) => ({ amount, currency });

export function reservationView(reservation: Reservation) {
  const due = isDue(reservation);
  return {
    id: publicId('rsv', reservation.id),
    object: 'reservation' as const,
    status: due ? ('expired' as const) : reservation.status,
    customerId: reservation.customerId,
    lines: reservation.lines.map((line) => lineView(line, reservation.currency)),
    total: money(reservation.totalAmount, reservation.currency),
    expiresAt: reservation.expiresAt.toISOString(),
    expiresInSeconds: secondsUntil(reservation.expiresAt, reservation.now),
    maxExpiresAt: reservation.maxExpiresAt.toISOString(),
    extensionsUsed: reservation.extensionsUsed,
    endReason: due ? 'expired' : reservation.endReason,
    orderId: reservation.orderId && publicId('ord', reservation.orderId),
    createdAt: reservation.createdAt.toISOString(),
    metadata: reservation.metadata,
  };
}

const lineView = (line: ReservationLine, currency: string) => ({
  sku: line.sku,
  quantity: line.quantity,
  unitPrice: money(line.unitAmount, currency),
  fencingToken: line.fencingToken,
  ...(line.units ? { units: line.units } : {}),
});

/** Rounded up, so that 0 says "past" and nothing else. */
export const secondsUntil = (then: Date, now: Date) =>
  Math.max(0, Math.ceil((then.getTime() - now.getTime()) / 1_000));

export function productView(product: ProductWithStock) {
  return {
    object: 'product' as const,
    sku: product.sku,
    name: product.name,
    unitPrice: money(product.unitAmount, product.currency),
    strategy: product.strategy,
    pools: product.pools.length > 1 ? product.pools : null,
    quantityPerOrderMax: product.quantityPerOrderMax,
    reservationsPerCustomerMax: product.reservationsPerCustomerMax,
    stock: {
      ...stockOf(sumOf(product.levels)),
      byPool: product.levels
        .filter(({ pool, onHand }) => onHand > 0 || product.pools.includes(pool))
        .map((level) => ({ pool: level.pool, ...stockOf(level) })),
    },
    version: product.version,
  };
}

/** From firm to free. What is sold is what is reserved and no longer live, so that only live reservations are summed. */
const stockOf = ({ onHand, reserved, active, pinned }: Omit<HeldInPool, 'pool'>) => ({
  onHand,
  reserved,
  confirmed: reserved - active - pinned,
  pinned,
  active,
  available: availableIn({ onHand, reserved }),
});

const sumOf = (levels: readonly HeldInPool[]) => ({
  ...inAllPools(levels),
  active: levels.reduce((sum, level) => sum + level.active, 0),
  pinned: levels.reduce((sum, level) => sum + level.pinned, 0),
});
