import type { SoldPart } from '../reservations/sold-lines.repository';
import { moreThanSold } from '../inventory.errors';

/** Which sold units ship or come back. Pure functions. */

export interface WantedUnits {
  sku: string;
  quantity: number;
}

/** Units of one pool. */
export interface Portion extends WantedUnits {
  pool: string;
}

/** Neither shipped nor given back: still in `reserved`. */
const unshipped = ({ quantity, shipped, givenBack }: SoldPart) => quantity - shipped - givenBack;
/** Shipped, and not back. */
const away = ({ shipped, returned }: SoldPart) => shipped - returned;
export const notBack = (part: SoldPart) => unshipped(part) + away(part);

/** What a shipment takes, from the pools that gave it, by name. Without `wanted`: all that is left. */
export function toShip(parts: SoldPart[], wanted?: WantedUnits[]): Portion[] {
  const units = wanted ? summed(wanted) : leftOf(parts, unshipped);
  refuseExcess(parts, units, unshipped, 'ship');
  if (units.length === 0) throw nothingLeft(parts, 'ship');
  return units.flatMap((unit) => portionsOf(parts, unit, unshipped));
}

/** What comes back: units that were not shipped first, then shipped ones. Without `wanted`: all that has not come back. */
export function toReturn(
  parts: SoldPart[],
  wanted?: WantedUnits[],
): { givenBack: Portion[]; returned: Portion[] } {
  const units = wanted ? summed(wanted) : leftOf(parts, notBack);
  refuseExcess(parts, units, notBack, 'return');
  if (units.length === 0) throw nothingLeft(parts, 'return');
  const givenBack = units.flatMap((unit) => portionsOf(parts, unit, unshipped));
  const returned = units.flatMap(({ sku, quantity }) => {
    const first = sumOf(
      givenBack.filter((portion) => portion.sku === sku),
      (portion) => portion.quantity,
    );
    return portionsOf(parts, { sku, quantity: quantity - first }, away);
  });
  return { givenBack, returned };
}

/** What has neither shipped nor come back, by SKU. */
export const unshippedOf = (parts: SoldPart[]): WantedUnits[] => leftOf(parts, unshipped);

/** Lines of the same SKU are one; by SKU. */
export function summed(lines: WantedUnits[]): WantedUnits[] {
  const quantities = new Map<string, number>();
  for (const { sku, quantity } of lines) quantities.set(sku, (quantities.get(sku) ?? 0) + quantity);
  return [...quantities]
    .map(([sku, quantity]) => ({ sku, quantity }))
    .sort(({ sku: one }, { sku: other }) => (one < other ? -1 : 1));
}

type Count = (part: SoldPart) => number;

const leftOf = (parts: SoldPart[], count: Count): WantedUnits[] =>
  summed(parts.map((part) => ({ sku: part.sku, quantity: count(part) }))).filter(
    ({ quantity }) => quantity > 0,
  );

const sumOf = <T>(rows: T[], count: (row: T) => number) => rows.reduce((sum, row) => sum + count(row), 0);

function portionsOf(parts: SoldPart[], { sku, quantity }: WantedUnits, count: Count): Portion[] {
  let missing = quantity;
  return parts
    .filter((part) => part.sku === sku)
    .map((part) => {
      const taken = Math.min(missing, count(part));
      missing -= taken;
      return { sku, pool: part.pool, quantity: taken };
    })
    .filter((portion) => portion.quantity > 0);
}

type Verb = 'ship' | 'return';

const factsOf = (parts: SoldPart[], { sku, quantity }: WantedUnits, count: Count) => {
  const own = parts.filter((part) => part.sku === sku);
  return {
    sku,
    requested: quantity,
    left: sumOf(own, count),
    sold: sumOf(own, (part) => part.quantity),
    shipped: sumOf(own, (part) => part.shipped),
    givenBack: sumOf(own, (part) => part.givenBack),
    returned: sumOf(own, (part) => part.returned),
  };
};

function refuseExcess(parts: SoldPart[], units: WantedUnits[], count: Count, verb: Verb): void {
  const excess = units
    .map((unit) => factsOf(parts, unit, count))
    .filter(({ requested, left }) => requested > left);
  if (excess.length === 0) return;
  const list = excess.map(({ sku, requested, left }) => `${sku} (asked ${requested}, left ${left})`);
  throw moreThanSold(
    `Nothing was done, because these were not sold or have left or come back already: ${list.join(', ')}. Look at its lines and ${verb} at most what is left.`,
    { lines: excess },
  );
}

const nothingLeft = (parts: SoldPart[], verb: Verb) =>
  moreThanSold(`Nothing is left to ${verb}: all units have left or come back already. Look at its lines.`, {
    lines: summed(parts).map(({ sku }) => ({
      ...factsOf(parts, { sku, quantity: 0 }, verb === 'ship' ? unshipped : notBack),
    })),
  });
