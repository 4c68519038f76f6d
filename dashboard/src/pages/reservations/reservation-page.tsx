import { useState } from 'react';
import { Link, useParams } from 'wouter';
import { send } from '../../api/client';
import type { Action, Reservation } from '../../api/openapi';
import { useApi, useInvalidate, useList, useSetCached } from '../../api/use-api';
import { ConfirmDialog } from '../../components/dialogs/confirm-dialog';
import { useToast } from '../../components/feedback/toasts';
import { ActionButton } from '../../components/forms/button';
import { useSetBreadcrumbs } from '../../components/layout/breadcrumbs';
import page from '../../components/layout/page.module.css';
import { Panel } from '../../components/layout/panel';
import { Empty, Facts, LoadError, Loading } from '../../components/layout/states';
import { Id, Money, None, When } from '../../components/values/figures';
import { formatSeconds } from '../../formatting/durations';
import { shortId } from '../../formatting/ids';
import { formatCount, plural } from '../../formatting/numbers';
import { classes } from '../../theme/classes';
import { LifeLine } from './life-line';
import { ReservationBadge, TimeLeft, tokenOf } from './reservation-columns';
import { hrefOfCustomer } from './reservation-filters';
import styles from './reservation-page.module.css';

/** Polled once a second while it is live; no topic carries a single reservation. */
const refetchMs = 1_000;

/** Who holds this, for how long, and how did it end? */
export default function ReservationPage() {
  const { id = '' } = useParams<{ id: string }>();
  useSetBreadcrumbs({
    here: shortId(id),
    trail: [{ label: 'Reservations', href: '/reservations' }],
    heading: false,
  });
  const [ended, setEnded] = useState(false);
  const path = `/v1/reservations/${id}`;
  const { data, at, error, loading, refetch } = useApi<Reservation>(path, {
    refetchMs: ended ? undefined : refetchMs,
  });
  if (error && !data) return <LoadError what="this reservation" problem={error} retry={refetch} />;
  if (loading || !data) return <Loading rows={8} />;

  const isLive = data.status === 'active' || data.status === 'pinned';
  if (ended === isLive) setEnded(!isLive);
  const row = { ...data, at };
  return (
    <div className={page.stack}>
      <header className={page.head}>
        <div>
          <h1 className={classes(page.title, styles.title)}>
            <Money of={data.total} />
            <ReservationBadge row={row} />
            {isLive ? <TimeLeft row={row} /> : null}
          </h1>
          <p className={page.facts}>
            <span>
              <Id id={data.id} full copy />
            </span>
            <Link href={hrefOfCustomer(data.customerId)}>
              <code>{data.customerId}</code>
            </Link>
            <span>
              <When at={data.createdAt} ms />
            </span>
          </p>
          {data.endReason ? <p>Ended: {data.endReason}.</p> : null}
        </div>
        <ReleaseOne reservation={data} />
      </header>
      <Panel title="Life line" note="from its start to its latest possible end">
        <LifeLine reservation={data} at={at} />
      </Panel>
      <div className={classes(page.halves, styles.columns)}>
        <LinesPanel reservation={data} />
        <FactsPanel reservation={data} />
      </div>
      <AuditPanel id={data.id} />
    </div>
  );
}

function LinesPanel({ reservation: { lines } }: { reservation: Reservation }) {
  return (
    <Panel title="Holds">
      <Facts
        items={lines.map(({ sku, quantity, unitPrice, fencingToken, units }) => [
          <>
            {formatCount(quantity)} ×{' '}
            <Link href={`/products/${encodeURIComponent(sku)}`}>
              <code>{sku}</code>
            </Link>
            <br />
            <small className={styles.quiet}>
              token {formatCount(fencingToken)}
              {units ? `, numbers ${units.join(', ')}` : ''}
            </small>
          </>,
          <Money of={{ ...unitPrice, amount: unitPrice.amount * quantity }} />,
        ])}
      />
    </Panel>
  );
}

function FactsPanel({ reservation }: { reservation: Reservation }) {
  const { expiresAt, maxExpiresAt, extensionsUsed, orderId, metadata } = reservation;
  return (
    <Panel title="Facts">
      <Facts
        items={[
          ['Order', orderId ? <Id id={orderId} href={`/orders/${orderId}`} /> : <None>none yet</None>],
          ['Highest fencing token', formatCount(tokenOf(reservation))],
          ['Ends', <When at={expiresAt} />],
          ['Extended', extensionsUsed === 0 ? <None>never</None> : plural(extensionsUsed, 'time')],
          ['Latest possible end', <When at={maxExpiresAt} />],
          ...Object.entries(metadata).map(([name, value]) => [<code>{name}</code>, value] as const),
        ]}
      />
    </Panel>
  );
}

function AuditPanel({ id }: { id: string }) {
  const { rows } = useList<Action>(`actions?objectType=reservation&objectId=${id}&limit=20`);
  return (
    <Panel title="Audit" note="manual actions">
      {rows?.length === 0 ? <Empty title="No manual actions." /> : null}
      <ul className={styles.audit}>
        {rows?.map(({ id: action, at, actor, action: what, reason }) => (
          <li key={action}>
            <When at={at} /> <b>{actor}</b> {what}{' '}
            {reason ? <span className={styles.quiet}>{reason}</span> : null}
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function ReleaseOne({ reservation }: { reservation: Reservation }) {
  const [open, setOpen] = useState(false);
  const setCached = useSetCached();
  const invalidate = useInvalidate();
  const toast = useToast();
  const { id, status, lines, customerId, expiresInSeconds } = reservation;
  if (status === 'pinned')
    return <p className={styles.quiet}>A charge is in flight; the saga will end it.</p>;
  if (status !== 'active') return <p className={styles.quiet}>No actions available</p>;
  const units = lines.reduce((sum, { quantity }) => sum + quantity, 0);
  const what = `${plural(units, 'unit')} of ${lines.map(({ sku }) => sku).join(', ')}`;
  return (
    <>
      <ActionButton tone="danger" onClick={() => setOpen(true)}>
        Release
      </ActionButton>
      <ConfirmDialog<Reservation>
        open={open}
        onClose={() => setOpen(false)}
        title="Release this reservation?"
        keep="Keep it"
        action="Release 1 reservation"
        send={(reason, key) => send('POST', `reservations/${id}/release`, { body: { reason }, key })}
        onDone={(released) => {
          setCached(`/v1/reservations/${id}`, released);
          invalidate('reservations');
          invalidate('actions');
          const are = units === 1 ? 'is' : 'are';
          toast(`Released ${shortId(id)}. ${what} ${are} back on sale.`, {
            href: `/audit?objectId=${id}`,
            label: 'Show in audit log',
          });
        }}
      >
        <p>
          {what} {units === 1 ? 'goes' : 'go'} back on sale, and {customerId} loses{' '}
          {units === 1 ? 'it' : 'them'}. It would expire in {formatSeconds(expiresInSeconds)}. No money moves.
        </p>
      </ConfirmDialog>
    </>
  );
}
