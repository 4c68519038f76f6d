import type { Order, RejectionReason } from '../../api/openapi';
import { formatStep } from '../../formatting/steps';

/** Badge labels for the states of orders and sagas. */
const reasons: Record<RejectionReason, string> = {
  insufficient_stock: 'not enough stock',
  payment_declined: 'payment declined',
  reservation_expired: 'reservation expired',
  cancelled: 'cancelled',
  abandoned: 'abandoned',
};

/** "Rejected, payment declined"; undefined when the status says it all. */
export const formatOrderStatus = ({ status, rejectionReason }: Order): string | undefined =>
  status === 'rejected' && rejectionReason ? `Rejected, ${reasons[rejectionReason]}` : undefined;

const standing: Record<Order['saga']['status'], (step: string) => string> = {
  running: (step) => `At ${formatStep(step)}`,
  stuck: (step) => `Stuck at ${formatStep(step)}`,
  compensating: (step) => `Compensating ${formatStep(step)}`,
  compensated: () => 'Compensated',
  completed: () => 'Completed',
};

export const formatSagaStatus = ({ status, step }: Order['saga']): string => standing[status](step);
