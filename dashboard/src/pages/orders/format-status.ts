import type { Order, RejectionReason } from '../../api/shapes/orders';

/** An order's and a saga's state in the words of its badge. */
const reasons: Record<RejectionReason, string> = {
  insufficient_stock: 'not enough stock',
  payment_declined: 'payment declined',
  reservation_expired: 'reservation expired',
  cancelled: 'cancelled',
  abandoned: 'abandoned',
};

/** "Rejected, payment declined"; undefined where the status alone says it. */
export const formatOrderStatus = ({ status, rejectionReason }: Order): string | undefined =>
  status === 'rejected' && rejectionReason ? `Rejected, ${reasons[rejectionReason]}` : undefined;

const standing: Record<Order['saga']['status'], (step: string) => string> = {
  running: (step) => `At ${step}`,
  stuck: (step) => `Stuck at ${step}`,
  compensating: (step) => `Compensating ${step}`,
  compensated: () => 'Compensated',
  completed: () => 'Completed',
};

export const formatSagaStatus = ({ status, step }: Order['saga']): string => standing[status](step);
