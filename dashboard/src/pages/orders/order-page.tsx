import { Copy, FileJson } from 'lucide-react';
import { useState } from 'react';
import { Link, useParams } from 'wouter';
import { useTopic } from '../../api/live';
import type { Order, Saga } from '../../api/openapi';
import { useApi, useSetCached } from '../../api/use-api';
import { useTick } from '../../browser/tick';
import { Button } from '../../components/forms/button';
import buttonStyles from '../../components/forms/button.module.css';
import { useSetBreadcrumbs } from '../../components/layout/breadcrumbs';
import page from '../../components/layout/page.module.css';
import { Panel } from '../../components/layout/panel';
import { LoadError, Loading } from '../../components/layout/states';
import { StatusBadge } from '../../components/values/badge';
import { Id, Money, When } from '../../components/values/figures';
import { TonedShape } from '../../components/values/shape';
import tones from '../../components/values/shape.module.css';
import { formatDuration } from '../../formatting/durations';
import { shortId } from '../../formatting/ids';
import { classes } from '../../theme/classes';
import { RefundsPanel } from './after-sale/refunds-panel';
import { ShipmentsPanel } from './after-sale/shipments-panel';
import { AwaitedPanel } from './awaited-panel';
import { formatOrderStatus, formatSagaStatus } from './format-status';
import { OrderActions } from './order-actions';
import { LinesPanel, MoneyPanel, WebhooksPanel } from './order-facts';
import { PaymentPanel } from './payment-panel';
import { Story } from './story';
import { SagaTimeline } from './timeline/saga-timeline';
import { TransitionsTable } from './transitions-table';
import styles from './order-page.module.css';

/** What happened to this order? First in sentences, then as a timeline, then every transition. */
export default function OrderPage() {
  const { id = '' } = useParams<{ id: string }>();
  useSetBreadcrumbs({ here: shortId(id), trail: [{ label: 'Orders', href: '/orders' }], heading: false });
  const path = `orders/${id}/saga`;
  const { data: saga, at, error, loading, refetch } = useApi<Saga>(path);
  const setCached = useSetCached();
  useTopic<Saga>(saga && isFinal(saga) ? null : `order:${id}`, (value) => setCached(path, value));

  if (error && !saga) return <LoadError what="this order" problem={error} retry={refetch} />;
  if (loading || !saga) return <Loading rows={10} />;
  return (
    <div className={page.stack}>
      <OrderHead saga={saga} />
      <Story sentences={saga.story} />
      <AwaitedPanel order={saga.order} at={at} />
      <Panel title="Timeline" note="dotted gaps are waits, not drawn to scale" action={<OutcomeKeys />} flush>
        <AgingTimeline saga={saga} at={at} />
      </Panel>
      <AfterSale order={saga.order} />
      <div className={classes(page.pair, styles.columns)}>
        <Panel
          title="Every transition"
          note="newest first, append-only"
          action={`${saga.transitions.length} entries`}
          flush
        >
          <TransitionsTable saga={saga} />
        </Panel>
        <div className={styles.side}>
          <MoneyPanel saga={saga} />
          <PaymentPanel saga={saga} />
          <LinesPanel saga={saga} />
          <WebhooksPanel webhooks={saga.webhooks} />
        </div>
      </div>
    </div>
  );
}

/** Nothing changes any more, not even by a shipment, a refund or the provider's last word about one. */
const isFinal = ({ status, order }: Saga) => status === 'compensated' && order.payment.status !== 'refunding';

/** What happened to the goods and the money after the order was placed. */
function AfterSale({ order }: { order: Order }) {
  if (order.status !== 'placed' && order.shipments.length + order.refunds.length === 0) return null;
  return (
    <div className={page.halves}>
      <ShipmentsPanel order={order} />
      <RefundsPanel order={order} />
    </div>
  );
}

function OrderHead({ saga }: { saga: Saga }) {
  const { order } = saga;
  const tookMs = order.endedAt === null ? null : Date.parse(order.endedAt) - Date.parse(order.createdAt);
  return (
    <header className={page.head}>
      <div>
        <h1 className={classes(page.title, styles.title)}>
          <Money of={order.total} />
          <StatusBadge kind="order" status={order.status} text={formatOrderStatus(order)} />
          <StatusBadge
            kind="saga"
            status={saga.status}
            text={`Saga ${formatSagaStatus(saga).toLowerCase()}`}
          />
        </h1>
        <p className={page.facts}>
          <span>
            <Id id={order.id} full copy />
          </span>
          <Link href={`/orders?customerId=${encodeURIComponent(order.customerId)}`}>
            <code>{order.customerId}</code>
          </Link>
          <span>
            <When at={order.createdAt} ms />
            {tookMs === null ? '' : `, took ${formatDuration(tookMs)}`}
          </span>
        </p>
      </div>
      <div className={classes(page.actions, styles.actions)}>
        <OrderActions saga={saga} />
        <CopyLink />
        <a
          className={buttonStyles.button}
          href={`/v1/admin/orders/${order.id}/saga`}
          target="_blank"
          rel="noreferrer"
        >
          <FileJson size={15} aria-hidden /> JSON
        </a>
      </div>
    </header>
  );
}

function CopyLink() {
  const [copied, setCopied] = useState(false);
  // Without HTTPS there is no clipboard; the address bar has the same link.
  if (!('clipboard' in navigator)) return null;
  const copy = () => {
    void navigator.clipboard.writeText(location.href).then(() => setCopied(true));
  };
  return (
    <Button icon={Copy} onClick={copy}>
      {copied ? 'Copied' : 'Copy link'}
    </Button>
  );
}

/** Redrawn every second while the saga is open. */
function AgingTimeline({ saga, at }: { saga: Saga; at: number }) {
  const now = useTick();
  // The age by the service's clock on arrival, plus local time since.
  const toldMs = Date.parse(saga.asOf) - Date.parse(saga.transitions[0]?.at ?? saga.order.createdAt);
  return <SagaTimeline key={saga.orderId} saga={saga} ageMs={toldMs + Math.max(0, now - at)} />;
}

const OutcomeKeys = () => (
  <span className={styles.keys} aria-hidden="true">
    <span className={tones.unk}>
      <TonedShape shape="unknown" tone="unk" /> Unknown
    </span>
    <span className={tones.bad}>
      <TonedShape shape="declined" tone="bad" /> Declined
    </span>
    <span className={tones.ok}>
      <TonedShape shape="done" tone="ok" /> Done
    </span>
    <span className={tones.warn}>
      <TonedShape shape="back" tone="warn" /> Undone
    </span>
  </span>
);
