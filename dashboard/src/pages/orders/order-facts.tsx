import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { Saga, SagaGoods, SagaMoney, SagaWebhook } from '../../api/openapi';
import { Panel } from '../../components/layout/panel';
import { Facts } from '../../components/layout/states';
import { Id, Money, None, When } from '../../components/values/figures';
import { formatCount } from '../../formatting/numbers';
import styles from './order-facts.module.css';

/** An amount, or "unknown" in violet when it is neither yes nor no. */
export const Known = ({ of }: { of: SagaMoney['captured'] }) =>
  of === null ? <span className={styles.unknown}>unknown</span> : <Money of={of} />;

/** The money by our own record; the provider is asked only where an operator must decide. */
export function MoneyPanel({ saga: { money, order } }: { saga: Saga }) {
  const { authorized, captured, voided, refunded, paid } = money;
  return (
    <Panel title="Money" note="Holdfast's record">
      <Facts
        items={[
          ['Capture', order.capture.replaceAll('_', ' ')],
          ['Authorized', <Known of={authorized} />],
          ['Captured', <Known of={captured} />],
          ['Voided', <Known of={voided} />],
          ['Refunded', <Known of={refunded} />],
        ]}
      />
      <div className={styles.sum}>
        <Facts
          items={[
            [
              <b>Customer paid</b>,
              <b>
                <Known of={paid} />
              </b>,
            ],
          ]}
        />
      </div>
    </Panel>
  );
}

export function LinesPanel({ saga: { order, clientKey, reservation, goods } }: { saga: Saga }) {
  return (
    <Panel title="Lines">
      <Facts
        items={order.lines.map(({ sku, quantity, unitPrice }): [ReactNode, ReactNode] => [
          <>
            <Link href={`/products/${encodeURIComponent(sku)}`}>
              <code>{sku}</code>
            </Link>{' '}
            {formatCount(quantity)} × <Money of={unitPrice} />
            <small>{formatGoods(goods.find((one) => one.sku === sku))}</small>
          </>,
          <b>
            <Money of={{ ...unitPrice, amount: unitPrice.amount * quantity }} />
          </b>,
        ])}
      />
      <div className={styles.below}>
        <Facts
          items={[
            ['Reservation', <Id id={reservation.id} href={`/reservations/${reservation.id}`} />],
            ['Client key', clientKey === null ? <None /> : <code>{clientKey}</code>],
          ]}
        />
      </div>
    </Panel>
  );
}

/** "1 shipped, 1 left to ship"; empty while nothing was shipped or given back. */
function formatGoods(goods: SagaGoods | undefined): string {
  if (!goods || goods.shipped + goods.givenBack === 0) return '';
  const counts: [number, string][] = [
    [goods.shipped, 'shipped'],
    [goods.returned, 'of them back'],
    [goods.givenBack, 'back on sale unshipped'],
    [goods.left, 'left to ship'],
  ];
  return counts
    .filter(([count]) => count > 0)
    .map(([count, what]) => `${formatCount(count)} ${what}`)
    .join(', ');
}

export function WebhooksPanel({ webhooks }: { webhooks: readonly SagaWebhook[] }) {
  return (
    <Panel title="Webhooks" note={webhooks.length === 0 ? 'none arrived' : 'newest first'}>
      <ul className={styles.webhooks}>
        {webhooks.toReversed().map(({ id, type, verdict, receivedAt }) => (
          <li key={id}>
            <span>
              <code>{type}</code> <When at={receivedAt} ms />
            </span>
            <small>{verdict ?? 'not processed yet'}</small>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
