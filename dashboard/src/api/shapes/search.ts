/** `GET find?q=`: at most 10, best first. */
export interface Found {
  object: 'list';
  data: FoundObject[];
}

export interface FoundObject {
  kind: 'order' | 'reservation' | 'dead_letter' | 'product' | 'customer';
  /** The id, the SKU, or the customer's id. */
  id: string;
  /** What to show beside it: "placed, € 258.00" is the page's to format, so this is plain: status, name, or count. */
  label: string;
  /** Of a customer, counted to 1 000; null of everything else. */
  orders: number | null;
  reservations: number | null;
}
