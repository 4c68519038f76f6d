import type { Action, ReviewCase, Saga } from '../../api/openapi';
import type { Page } from '../../api/use-api';
import { useApi } from '../../api/use-api';
import { Button } from '../../components/forms/button';
import { BackToList } from '../../components/layout/list-detail';
import { Panel } from '../../components/layout/panel';
import { LoadError, Loading } from '../../components/layout/states';
import { StatusBadge } from '../../components/values/badge';
import { Id, Money, When } from '../../components/values/figures';
import { formatCount } from '../../formatting/numbers';
import { formatStep } from '../../formatting/steps';
import { Story } from '../orders/story';
import { DeadLetterForm } from './dead-letter-form';
import { PaymentCaseForm } from './payment-case-form';
import { SagaCase } from './saga-case';
import { TaskCaseForm } from './task-case-form';
import styles from './case-detail.module.css';

interface CaseDetailProps {
  id: string;
  /**
   * The case from the list, kept current by the stream; undefined when it is not on the first page or was settled.
   */
  listed: ReviewCase | undefined;
  /** This user settled the case: go to the next one. */
  onSettled: (id: string) => void;
}

/** The polling interval for a case that is in no list, because someone else or the provider may settle it. */
const refetchMs = 3_000;

export function CaseDetail({ id, listed, onSettled }: CaseDetailProps) {
  const alone = useApi<ReviewCase>(`review/${id}`, { enabled: listed === undefined, refetchMs });
  const { error, loading, refetch } = alone;
  const data = listed ?? alone.data;
  // A settled case is no longer found; its old data is hidden.
  if (!listed && error?.status === 404) return <Settled id={id} />;
  if (error && !data) return <LoadError what="this case" problem={error} retry={refetch} />;
  if (loading || !data) return <Loading rows={8} />;
  return (
    <Panel className={styles.panel}>
      <BackToList href="/review">All cases</BackToList>
      <header className={styles.head}>
        <div>
          <h2 className={styles.title}>{data.title}</h2>
          <p className={styles.line}>
            <Id id={data.id} href={data.orderId ? `/orders/${data.orderId}` : undefined} />
            {data.moneyAtRisk ? <Money of={data.moneyAtRisk} /> : null}
            {data.lines.map(({ sku, quantity }) => (
              <span key={sku}>
                {formatCount(quantity)} × {sku}
              </span>
            ))}
            {data.customerId ? <code>{data.customerId}</code> : null}
            <span>
              since <When at={data.since} />
            </span>
          </p>
        </div>
        <StatusBadge kind="case" status={data.kind} text={badgeText(data)} />
      </header>
      <Story sentences={data.facts} />
      {data.kind === 'dead_letter' ? (
        <DeadLetterForm one={data} onSettled={() => onSettled(id)} />
      ) : data.kind === 'payment' ? (
        <PaymentCaseForm one={data} onSettled={() => onSettled(id)} />
      ) : data.kind === 'payment_task' ? (
        <TaskCaseForm one={data} onSettled={() => onSettled(id)} />
      ) : data.kind === 'webhook_endpoint_failing' ? (
        <Button href={`/webhooks/${data.id}`}>Open webhook endpoint</Button>
      ) : (
        <SagaCase one={data} onSettled={() => onSettled(id)} />
      )}
      <Foot one={data} />
    </Panel>
  );
}

const badgeText = ({ kind, step }: ReviewCase) =>
  step === null ? undefined : `${kind === 'stuck' ? 'Stuck' : 'Unknown'} at ${formatStep(step)}`;

/** Links to the order and reservation, and the last manual action. */
function Foot({ one: { orderId, reservationId, id } }: { one: ReviewCase }) {
  const { data } = useApi<Page<Action>>(
    `actions?objectType=${orderId ? 'order' : id.startsWith('whe_') ? 'webhook_endpoint' : 'dead_letter'}&objectId=${orderId ?? id}&limit=1`,
  );
  const last = data?.data[0];
  return (
    <footer className={styles.foot}>
      {orderId ? <Button href={`/orders/${orderId}`}>Open order and timeline</Button> : null}
      {!orderId && reservationId ? (
        <Button href={`/reservations/${reservationId}`}>Open reservation</Button>
      ) : null}
      {data ? (
        <span className={styles.touched}>
          {last ? (
            <>
              Last changed by {last.actor}, <When at={last.at} />
            </>
          ) : (
            'No manual changes'
          )}
        </span>
      ) : null}
    </footer>
  );
}

/** The case was settled while it was open, or the link is old. */
function Settled({ id }: { id: string }) {
  const isOrder = id.startsWith('ord_');
  const { data: saga } = useApi<Saga>(`orders/${id}/saga`, { enabled: isOrder });
  const endedAt = saga?.order.endedAt;
  return (
    <Panel className={styles.panel}>
      <BackToList href="/review">All cases</BackToList>
      <h2 className={styles.title}>This case is settled</h2>
      {saga ? (
        <p>
          {endedAt ? (
            <>
              It ended at <When at={endedAt} />: <StatusBadge kind="order" status={saga.order.status} />{' '}
              Nothing to do.
            </>
          ) : (
            <>
              It continues automatically: <StatusBadge kind="saga" status={saga.status} />
            </>
          )}
        </p>
      ) : (
        <p>It was settled. Nothing to do.</p>
      )}
      {isOrder ? <Button href={`/orders/${id}`}>Open order and timeline</Button> : null}
    </Panel>
  );
}
