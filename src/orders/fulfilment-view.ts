import { publicId } from '../ids';
import type { Order } from './orders.repository';

/** What became of an order's goods, as the API shows it. */

export type Fulfilment = 'none' | 'partial' | 'shipped';

/** What has left of the sold units. `shipped`: nothing is left to ship, though some may have been given back. */
export function fulfilmentOf({ units: { shipped, left } }: Order): Fulfilment {
  if (shipped === 0) return 'none';
  return left === 0 ? 'shipped' : 'partial';
}

/** Oldest first, as the API shows them. */
export const shipmentsView = ({ shipments }: Order) =>
  shipments.map(({ id, createdAt, ...shipment }) => ({
    id: publicId('shp', id),
    ...shipment,
    createdAt: new Date(createdAt).toISOString(),
  }));
