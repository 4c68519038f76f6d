import type { Movement } from '../../api/openapi';
import { useList } from '../../api/use-api';
import { Panel } from '../../components/layout/panel';
import { Empty, LoadError, Loading } from '../../components/layout/states';
import { type Column, DataTable, ListFoot } from '../../components/tables/data-table';
import { Clip, When } from '../../components/values/figures';
import { formatCount, formatSigned } from '../../formatting/numbers';

/** Every change of on hand. Movements are append-only, so they add up. */
export function MovementsPanel({ sku }: { sku: string }) {
  const list = useList<Movement>(`products/${encodeURIComponent(sku)}/movements?limit=10`);
  return (
    <Panel title="Movements" note="append-only, add up to on hand" flush>
      {list.error && !list.rows ? (
        <LoadError what="movements" problem={list.error} retry={list.refetch} />
      ) : null}
      {list.loading ? <Loading rows={4} /> : null}
      {list.rows ? (
        <DataTable
          caption="Movements, newest first"
          columns={columns}
          rows={list.rows}
          rowKey={({ pool, at, kind, delta, onHandAfter }) => `${pool} ${at} ${kind} ${delta} ${onHandAfter}`}
          empty={<Empty title="No movements yet." />}
          foot={(shown) => <ListFoot list={list}>Newest first. {formatCount(shown)} shown.</ListFoot>}
        />
      ) : null}
    </Panel>
  );
}

const columns: Column<Movement>[] = [
  { key: 'when', head: 'When', cell: ({ at }) => <When at={at} /> },
  { key: 'kind', head: 'Kind', cell: ({ kind }) => kind, phoneNote: ({ reason }) => <Clip text={reason} /> },
  { key: 'change', head: 'Change', align: 'end', cell: ({ delta }) => <b>{formatSigned(delta)}</b> },
  { key: 'after', head: 'On hand after', align: 'end', cell: ({ onHandAfter }) => formatCount(onHandAfter) },
  { key: 'pool', head: 'Pool', phone: 'hide', cell: ({ pool }) => pool },
  {
    key: 'reason',
    head: 'Reason',
    phone: 'hide',
    cell: ({ reason }) => <Clip text={reason} wide />,
  },
  { key: 'who', head: 'Who', phone: 'hide', cell: ({ actor }) => <Clip text={actor} /> },
];
