/** `GET actions?actor=&action=&objectType=&objectId=&from=&to=`: a page, newest first. Never edited, kept for ever. */
export interface Action {
  object: 'action';
  id: string;
  at: string;
  actor: string;
  /** E.g. `reservation.release`, `saga.retry`, `product.replace`. */
  action: string;
  objectType: string;
  objectId: string;
  reason: string | null;
  /** The fields that the act was about, as they were and as they became; null where there was nothing before or after. */
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
}
