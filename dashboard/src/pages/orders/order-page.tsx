import { Copy, FileJson } from 'lucide-react';
import { useState } from 'react';
import { Link, useParams } from 'wouter';
import { useTopic } from '../../api/live';
import type { Saga } from '../../api/shapes/sagas';
import { useApi, useKeep } from '../../api/use-api';
import { classes } from '../../look/classes';
import { useTick } from '../../look/tick';
import { Badge } from '../../parts/badge';
import { Button } from '../../parts/button';
import buttonStyles from '../../parts/button.module.css';
import { Id, Money, When } from '../../parts/figures';
import page from '../../parts/page.module.css';
import { Panel } from '../../parts/panel';
import { usePlace } from '../../parts/place';
import { TonedShape } from '../../parts/saga-timeline/lane-icon';
import { SagaTimeline } from '../../parts/saga-timeline/saga-timeline';
import tones from '../../parts/saga-timeline/tones.module.css';
import { Loading, Trouble } from '../../parts/states';
import { duration } from '../../words/durations';
import { shortId } from '../../words/ids';
import { OrderActs } from './order-acts';
import { LinesPanel, MoneyPanel, WebhooksPanel } from './order-facts';
import { orderWords, sagaWords } from './order-words';
import { Story } from './story';
import { TransitionsTable } from './transitions-table';
import styles from './order-page.module.css';

/** What happened to this order? First in a sentence, then drawn, then line by line. */
export default function OrderPage() {
  const { id = '' } = useParams<{ id: string }>();
  usePlace({ here: shortId(id), trail: [{ label: 'Orders', href: '/orders' }], heading: false });
  const path = `orders/${id}/saga`;
  const { data: saga, at, trouble, loading, again } = useApi<Saga>(path);
  const keep = useKeep();
  const isOver = saga?.status === 'completed' || saga?.status === 'compensated';
  useTopic<Saga>(isOver ? null : `order:${id}`, (value) => keep(path, value));

  if (trouble && !saga) return <Trouble what="this order" problem={trouble} again={again} />;
  if (loading || !saga) return <Loading rows={10} />;
  return (
    <div className={page.stack}>
      <OrderHead saga={saga} />
      <Story sentences={saga.story} />
      <Panel
        title="Timeline"
        note="dotted gaps are waits, drawn shorter than they were"
        action={<OutcomeKeys />}
        flush
      >
        <AgingTimeline saga={saga} at={at} />
      </Panel>
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
          <LinesPanel saga={saga} />
          <WebhooksPanel webhooks={saga.webhooks} />
        </div>
      </div>
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
          <Badge kind="order" status={order.status} text={orderWords(order)} />
          <Badge kind="saga" status={saga.status} text={`Saga ${sagaWords(saga).toLowerCase()}`} />
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
            {tookMs === null ? '' : `, took ${duration(tookMs)}`}
          </span>
        </p>
      </div>
      <div className={classes(page.acts, styles.acts)}>
        <OrderActs saga={saga} />
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
  // Without HTTPS the browser has no clipboard to give; the address bar has the same link.
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

/** Redrawn by the second while the saga goes on. */
function AgingTimeline({ saga, at }: { saga: Saga; at: number }) {
  const now = useTick();
  // By the service's clock when it answered, and by ours only since then.
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
