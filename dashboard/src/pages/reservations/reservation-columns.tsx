import { Link } from 'wouter';
import type { Reservation } from '../../api/openapi';
import { useTick } from '../../browser/tick';
import type { Column } from '../../components/tables/data-table';
import { StatusBadge } from '../../components/values/badge';
import { Countdown } from '../../components/values/countdown';
import { Clip, Id, Money, None } from '../../components/values/figures';
import { formatCount } from '../../formatting/numbers';
import type { ReservationRow } from './use-reservations';
import styles from './reservations.module.css';

const isLive = ({ status }: Reservation) => status === 'active' || status === 'pinned';

/** `became`: the new state of rows that have just left the list. */
export function reservationColumns(
  became: ReadonlyMap<string, Reservation>,
  withEnded: boolean,
): Column<ReservationRow>[] {
  const now = (row: ReservationRow): ReservationRow => ({ ...row, ...became.get(row.id) });
  const columns: Column<ReservationRow>[] = [
    { key: 'left', head: 'Time left', cell: (row) => <TimeLeft row={now(row)} /> },
    { key: 'status', head: 'Status', phone: 'hide', cell: (row) => <ReservationBadge row={now(row)} /> },
    {
      key: 'id',
      head: 'Reservation',
      isHead: true,
      phone: 'hide',
      cell: ({ id }) => <Id id={id} href={`/reservations/${id}`} />,
    },
    {
      key: 'holds',
      head: 'Holds',
      cell: ({ lines }) => <Holds lines={lines} />,
      phoneNote: ({ customerId }) => <Clip text={customerId} />,
    },
    {
      key: 'customer',
      head: 'Customer',
      phone: 'hide',
      cell: ({ customerId }) => <Clip text={customerId} code />,
    },
    { key: 'total', head: 'Total', align: 'end', cell: ({ total }) => <Money of={total} /> },
    {
      key: 'order',
      head: 'Order',
      phone: 'hide',
      cell: ({ orderId }) =>
        orderId ? <Id id={orderId} href={`/orders/${orderId}`} /> : <None>none yet</None>,
    },
    {
      key: 'token',
      head: 'Fencing token',
      align: 'end',
      phone: 'hide',
      cell: (row) => formatCount(tokenOf(row)),
    },
    {
      key: 'extended',
      head: 'Extended',
      align: 'end',
      phone: 'hide',
      cell: ({ extensionsUsed }) => (extensionsUsed === 0 ? <None /> : `${extensionsUsed} ×`),
    },
  ];
  if (withEnded)
    columns.splice(2, 0, {
      key: 'ended',
      head: 'Ended because',
      phone: 'hide',
      cell: (row) => {
        const { endReason } = now(row);
        return endReason === null ? <None /> : <Clip text={endReason} />;
      },
    });
  return columns;
}

export const tokenOf = ({ lines }: Reservation) => Math.max(...lines.map(({ fencingToken }) => fencingToken));

/** The total time of a reservation, with its extensions. */
export const ttlOf = ({ createdAt, expiresAt }: Reservation) =>
  (Date.parse(expiresAt) - Date.parse(createdAt)) / 1_000;

export function TimeLeft({ row }: { row: ReservationRow }) {
  if (!isLive(row)) return <None />;
  return (
    <Countdown
      endsIn={row.expiresInSeconds}
      at={row.at}
      ttl={ttlOf(row)}
      status={row.status === 'pinned' ? 'pinned' : 'active'}
    />
  );
}

/** An active reservation in its last minute has its own badge. */
export function ReservationBadge({ row }: { row: ReservationRow }) {
  const now = useTick();
  const left = row.expiresInSeconds - Math.max(0, now - row.at) / 1_000;
  const status = row.status === 'active' && left <= 60 ? 'ending' : row.status;
  return (
    <span key={row.status} className={styles.flash}>
      <StatusBadge kind="reservation" status={status} />
    </span>
  );
}

/** Only the first line fits; the row's own page has them all. */
function Holds({ lines }: Pick<Reservation, 'lines'>) {
  return (
    <span className={styles.holds}>
      {lines.slice(0, 1).map(({ sku, quantity }) => (
        <span key={sku}>
          {formatCount(quantity)} ×{' '}
          <Link href={`/products/${encodeURIComponent(sku)}`}>
            <Clip text={sku} code />
          </Link>
        </span>
      ))}
      {lines.length > 1 ? <i>+ {lines.length - 1} more</i> : null}
    </span>
  );
}
