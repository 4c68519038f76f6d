import type { StripeErrorBody } from '../stripe/errors';
import type { Params } from '../stripe/params';

export type IntentStatus =
  | 'requires_payment_method'
  | 'requires_action'
  | 'processing'
  | 'requires_capture'
  | 'succeeded'
  | 'canceled';

/** What a client may send for an intent and the sandbox only keeps and shows. */
export interface IntentOptions {
  readonly customer?: string;
  readonly return_url?: string;
  readonly receipt_email?: string;
  readonly setup_future_usage?: string;
  readonly statement_descriptor_suffix?: string;
}

/** A payment intent as the ledger keeps it; `stripe/` renders it in Stripe's shape. */
export interface IntentRecord {
  readonly id: string;
  /** The connected account it belongs to. Absent: the key's own. */
  readonly account?: string;
  /** Null until the card network was asked: while the buyer must act, there is no charge. */
  readonly chargeId: string | null;
  /** Fixed at creation: a later change of the metadata does not move money to another order. */
  readonly orderId: string;
  readonly createdAt: number;
  readonly amount: number;
  readonly currency: string;
  readonly captureMethod: 'automatic' | 'manual';
  readonly paymentMethod: string;
  readonly status: IntentStatus;
  readonly capturable: number;
  readonly received: number;
  readonly refunded: number;
  readonly metadata: Readonly<Record<string, string>>;
  readonly description?: string;
  readonly cancellation?: { readonly at: number; readonly reason: string | null };
  readonly lastError?: StripeErrorBody;
  readonly options?: IntentOptions;
  /** What the card's bank agreed to, when that is not the whole amount. */
  readonly authorized?: number;
  /** When an uncaptured authorization ends. Absent in lines of earlier builds, which had no end. */
  readonly captureBefore?: number;
  /** How many refunds of captured money were made, failed ones included. */
  readonly refundsMade?: number;
  readonly dispute?: 'open' | 'won' | 'lost';
}

export interface RefundRecord {
  readonly id: string;
  readonly paymentIntent: string;
  readonly chargeId: string;
  readonly createdAt: number;
  readonly amount: number;
  readonly currency: string;
  readonly reason: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  /** Absent in lines of earlier builds, whose refunds succeeded at once. */
  readonly status?: 'pending' | 'succeeded' | 'failed';
  readonly failureReason?: string;
  /** It was made in the dashboard, not by the client. */
  readonly byOperator?: true;
}

export interface DisputeRecord {
  readonly id: string;
  readonly paymentIntent: string;
  readonly chargeId: string;
  readonly createdAt: number;
  readonly amount: number;
  readonly currency: string;
  readonly reason: string;
  readonly status: 'needs_response' | 'under_review' | 'won' | 'lost';
}

/**
 * `decline` moves nothing; it is recorded for audits. `refund_failed` takes a refund back, `dispute` takes captured money
 * away, `dispute_won` brings it back.
 */
export interface Movement {
  readonly kind:
    'authorize' | 'capture' | 'void' | 'refund' | 'decline' | 'refund_failed' | 'dispute' | 'dispute_won';
  readonly amount: number;
  /** It was done in the dashboard, not by the client. */
  readonly byOperator?: true;
}

/** What will happen by itself. It is dropped when it no longer fits the state. */
export type Change =
  | { readonly kind: 'processing-ends' | 'authorization-expires'; readonly intentId: string }
  | {
      readonly kind: 'authentication-ends';
      readonly intentId: string;
      readonly outcome: 'success' | 'failure';
    }
  | { readonly kind: 'refund-succeeds' | 'refund-fails'; readonly refundId: string }
  | { readonly kind: 'dispute-opens'; readonly intentId: string }
  | { readonly kind: 'dispute-closes'; readonly disputeId: string; readonly outcome: 'won' | 'lost' };

export interface Due {
  readonly id: string;
  readonly dueAt: number;
  readonly change: Change;
}

export type EventType =
  | 'payment_intent.amount_capturable_updated'
  | 'payment_intent.canceled'
  | 'payment_intent.payment_failed'
  | 'payment_intent.processing'
  | 'payment_intent.requires_action'
  | 'payment_intent.succeeded'
  | 'charge.expired'
  | 'charge.refunded'
  | 'refund.created'
  | 'refund.updated'
  | 'refund.failed'
  | 'charge.dispute.created'
  | 'charge.dispute.updated'
  | 'charge.dispute.closed'
  | 'charge.dispute.funds_withdrawn'
  | 'charge.dispute.funds_reinstated';

/** The effects of one step: its movements, the state after it, its response, its events and what follows by itself. */
export interface Outcome {
  readonly movements: readonly Movement[];
  readonly intent: IntentRecord;
  readonly refund?: RefundRecord;
  readonly dispute?: DisputeRecord;
  readonly status: 200 | 400 | 402 | 500;
  readonly error?: StripeErrorBody;
  readonly events: readonly EventType[];
  readonly follows?: readonly Due[];
}

/** What a step belongs to. A change that nobody asked for has no request. */
export interface Cause {
  readonly requestId: string | null;
  readonly operationId: string | null;
  readonly key?: string;
  readonly fingerprint?: string;
  /** The due change that this step carries out. */
  readonly ends?: string;
}

/** A step that was taken. */
export interface Entry extends Omit<Outcome, 'events'>, Cause {
  readonly at: number;
  /** Absent in lines of earlier builds, which had at most one event, in `eventId` and `eventType`. */
  readonly events?: readonly { readonly id: string; readonly type: EventType }[];
  readonly eventId?: string;
  readonly eventType?: EventType;
}

export function eventsOf({ events, eventId, eventType }: Entry): { id: string; type: EventType }[] {
  if (events) return [...events];
  return eventId !== undefined && eventType !== undefined ? [{ id: eventId, type: eventType }] : [];
}

/** An error that was saved under a key although nothing was done. */
export interface SavedError {
  readonly saved: StripeErrorBody;
  readonly status: number;
  readonly at: number;
  readonly requestId: string;
  readonly key: string;
  readonly fingerprint: string;
  readonly account?: string;
}

/** A request that may move money, as received. */
export interface MoneyRequest {
  /** See `IntentRecord`. */
  readonly account?: string;
  readonly path: string;
  readonly params: Params;
  readonly key?: string;
  readonly fingerprint: string;
  readonly requestId: string;
}

/** A request that will be executed at `dueAt`. The entry with the same request id ends it. */
export interface Begun {
  readonly begun: MoneyRequest;
  readonly dueAt: number;
}
