import type { ReactNode } from 'react';
import type { Order, PaymentOperation, Saga, SagaTransition } from '../../api/openapi';
import { Panel } from '../../components/layout/panel';
import { Facts } from '../../components/layout/states';
import { Badge, StatusBadge } from '../../components/values/badge';
import { Id, Money, None, When } from '../../components/values/figures';
import { plural } from '../../formatting/numbers';
import { capitalize } from '../../formatting/statuses';
import { operationBadge, refusalOf } from './payment-operation';
import styles from './payment-panel.module.css';

/** Each operation at the provider, with what a person needs to find it there. */
export function PaymentPanel({ saga }: { saga: Saga }) {
  const { operations, transitions, order } = saga;
  return (
    <Panel
      title="Payment at the provider"
      action={<StatusBadge kind="payment" status={order.payment.status} plain />}
    >
      {operations.length === 0 ? <None>The provider was not asked.</None> : null}
      <ul className={styles.operations} aria-label="Payment operations">
        {operations.map((operation) => (
          <Operation key={operation.id} operation={operation} transitions={transitions} />
        ))}
      </ul>
      <ProviderFacts payment={order.payment} />
    </Panel>
  );
}

/** What happened at the provider without us, or went wrong there later. */
function ProviderFacts({ payment: { facts, dispute } }: { payment: Order['payment'] }) {
  if (facts.length === 0 && !dispute) return null;
  return (
    <>
      {dispute ? (
        <p>
          <b>Disputed</b> <Money of={dispute.amount} />, {dispute.status.replaceAll('_', ' ')}
          {dispute.dueBy ? (
            <>
              , evidence due <When at={dispute.dueBy} />
            </>
          ) : null}
        </p>
      ) : null}
      <ul className={styles.operations} aria-label="Facts from the provider">
        {facts.map(({ type, reference, amount, at }) => (
          <li key={`${type} ${reference}`}>
            <p className={styles.head}>
              <b>{capitalize(type.replaceAll('_', ' '))}</b>
              <Money of={amount} />
              <When at={at} />
            </p>
            <Facts items={[['Reference', <code>{reference}</code>]]} />
          </li>
        ))}
      </ul>
    </>
  );
}

interface OperationProps {
  operation: PaymentOperation;
  transitions: readonly SagaTransition[];
}

function Operation({ operation, transitions }: OperationProps) {
  const { kind, number, amount, key, attempts, looks, providerReference } = operation;
  const refusal = refusalOf(operation, transitions);
  const items: (readonly [ReactNode, ReactNode] | null)[] = [
    ['Reference', providerReference === null ? <None /> : <code>{providerReference}</code>],
    ['Key', <Id id={key} full copy />],
    ['Asked', plural(attempts, 'time')],
    operation.status === 'unknown' && looks > 0 ? ['Searched in vain', plural(looks, 'time')] : null,
    why('Declined', operation.declineCode),
    why('Failed', operation.failureReason),
    why('Last doubt', operation.status === 'approved' ? null : operation.doubt),
    refusal && ['Refused', <code>{refusal.providerCode ?? 'no code'}</code>],
    refusal?.requestId ? ['Provider request', <Id id={refusal.requestId} full copy />] : null,
  ];
  return (
    <li>
      <p className={styles.head}>
        <b>
          {capitalize(kind)} {number === null ? '' : number}
        </b>
        <Badge badge={operationBadge(operation)} />
        <Money of={amount} />
      </p>
      <Facts items={items.filter((item) => item !== null)} />
    </li>
  );
}

const why = (name: string, code: string | null): readonly [ReactNode, ReactNode] | null =>
  code === null ? null : [name, code.replaceAll('_', ' ')];
