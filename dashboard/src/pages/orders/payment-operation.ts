import type { PaymentOperation, SagaTransition } from '../../api/openapi';
import type { BadgeStyle } from '../../formatting/statuses';

type Shown = Pick<PaymentOperation, 'id' | 'kind' | 'status' | 'waitsFor' | 'failureReason' | 'declineCode'>;

/** How an operation stands at the provider. */
export function operationBadge({ kind, status, waitsFor, failureReason, declineCode }: Shown): BadgeStyle {
  switch (status) {
    case 'created':
      return { shape: 'none', tone: 'grey', label: 'Not sent' };
    case 'sent':
      return { shape: 'half', tone: 'accent', label: 'Sent' };
    case 'approved':
      return declineCode === null
        ? { shape: 'done', tone: 'ok', label: 'Done' }
        : { shape: 'clock', tone: 'warn', label: 'Done in part' };
    case 'declined':
      return { shape: 'declined', tone: 'bad', label: 'Declined' };
    case 'unknown':
      return { shape: 'unknown', tone: 'unk', label: 'Unknown' };
    case 'pending':
      if (waitsFor === 'buyer') return { shape: 'clock', tone: 'warn', label: 'Needs the buyer' };
      return { shape: 'half', tone: 'accent', label: kind === 'refund' ? 'Accepted' : 'Processing' };
    case 'failed':
      return failureReason === null
        ? { shape: 'none', tone: 'grey', label: 'Nothing done' }
        : { shape: 'stuck', tone: 'bad', label: 'Failed' };
  }
}

/** The provider's code and request id, when the last call of this operation was refused as our mistake. */
export function refusalOf(
  { id, kind }: Pick<PaymentOperation, 'id' | 'kind'>,
  transitions: readonly Pick<SagaTransition, 'cause' | 'code' | 'data'>[],
): { providerCode?: string; requestId?: string } | null {
  const last = transitions.findLast(
    ({ data, cause }) =>
      cause !== 'asked' &&
      data?.operation === kind &&
      (data.operationId === undefined || data.operationId === id),
  );
  return last?.code === 'request_refused' ? (last.data ?? null) : null;
}
