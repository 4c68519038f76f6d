import type { Action } from '../../api/shapes/actions';
import type { Page } from '../../api/shapes/common';
import type { ReviewCase } from '../../api/shapes/review';
import type { Saga } from '../../api/shapes/sagas';
import { useApi } from '../../api/use-api';
import { Button } from '../../components/forms/button';
import { BackToList } from '../../components/layout/list-detail';
import { Panel } from '../../components/layout/panel';
import { LoadError, Loading } from '../../components/layout/states';
import { StatusBadge } from '../../components/values/badge';
import { Id, Money, When } from '../../components/values/figures';
import { formatCount } from '../../formatting/numbers';
import { Story } from '../orders/story';
import { DeadLetterForm } from './dead-letter-form';
import { SagaCase } from './saga-case';
import styles from './case-detail.module.css';

interface CaseDetailProps {
  id: string;
  /** As the list has it, which the stream keeps true; undefined when it is not among the first, or no case any more. */
  listed: ReviewCase | undefined;
  /** The case is settled by this person: on to the next. */
  onSettled: (id: string) => void;
}

/** A case that no list carries is looked at this often, for somebody else, or the provider, may settle it. */
const refetchMs = 3_000;

export function CaseDetail({ id, listed, onSettled }: CaseDetailProps) {
  const alone = useApi<ReviewCase>(`review/${id}`, { enabled: listed === undefined, refetchMs });
  const { error, loading, refetch } = alone;
  const data = listed ?? alone.data;
  // Asked again, a settled case is not found; what was seen of it before is not shown any more.
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
      ) : (
        <SagaCase one={data} onSettled={() => onSettled(id)} />
      )}
      <Foot one={data} />
    </Panel>
  );
}

const badgeText = ({ kind, step }: ReviewCase) =>
  kind === 'dead_letter' ? undefined : `${kind === 'stuck' ? 'Stuck' : 'Unknown'} at ${step}`;

/** Where else to look, and who has been here before. */
function Foot({ one: { orderId, reservationId, id } }: { one: ReviewCase }) {
  const { data } = useApi<Page<Action>>(
    `actions?objectType=${orderId ? 'order' : 'dead_letter'}&objectId=${orderId ?? id}&limit=1`,
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
              Last touched by {last.actor}, <When at={last.at} />
            </>
          ) : (
            'Last touched by nobody'
          )}
        </span>
      ) : null}
    </footer>
  );
}

/** It ended while it was open, or the link to it is old. */
function Settled({ id }: { id: string }) {
  const isOrder = id.startsWith('ord_');
  const { data: saga } = useApi<Saga>(`orders/${id}/saga`, { enabled: isOrder });
  const endedAt = saga?.order.endedAt;
  return (
    <Panel className={styles.panel}>
      <BackToList href="/review">All cases</BackToList>
      <h2 className={styles.title}>This is no case any more</h2>
      {saga ? (
        <p>
          {endedAt ? (
            <>
              It ended at <When at={endedAt} />: <StatusBadge kind="order" status={saga.order.status} />{' '}
              Nothing to do.
            </>
          ) : (
            <>
              It goes on by itself: <StatusBadge kind="saga" status={saga.status} />
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
