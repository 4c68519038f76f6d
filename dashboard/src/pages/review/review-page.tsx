import { useState } from 'react';
import { useLocation, useParams } from 'wouter';
import { useTopic } from '../../api/live';
import type { ReviewCase, ReviewKind, ReviewMessage } from '../../api/openapi';
import { useList } from '../../api/use-api';
import { useSetBreadcrumbs } from '../../components/layout/breadcrumbs';
import { ListDetail, useFirstOpen } from '../../components/layout/list-detail';
import { LoadError, Loading } from '../../components/layout/states';
import { CaseDetail } from './case-detail';
import { CaseList, type CaseSort } from './case-list';

/** The number of cases in a stream message. */
const pageSize = 50;
/** The polling interval of the list; the stream carries only the first page by money. */
const refetchMs = 5_000;

/** What needs an operator, and what should they do? */
export default function ReviewPage() {
  useSetBreadcrumbs({ here: 'Needs review' });
  const { id } = useParams<{ id?: string }>();
  const [, navigate] = useLocation();
  const [kind, setKind] = useState<ReviewKind | 'all'>('all');
  const [sort, setSort] = useState<CaseSort>('money');
  const { list, cases, at, totals } = useCases(kind, sort);
  const shown = cases ?? [];
  const first = shown[0]?.id;
  useFirstOpen(id !== undefined, first === undefined ? undefined : `/review/${first}`);

  const openNext = (settled: string) => {
    const here = shown.findIndex((one) => one.id === settled);
    const next = shown[here + 1] ?? shown[here - 1];
    navigate(next ? `/review/${next.id}` : '/review');
  };

  if (list.error && !cases) return <LoadError what="the cases" problem={list.error} retry={list.refetch} />;
  if (!cases) return <Loading rows={8} />;
  return (
    <ListDetail
      isOpen={id !== undefined}
      list={
        <CaseList
          cases={shown}
          list={list}
          totals={totals}
          at={at}
          open={id}
          kind={kind}
          onKind={setKind}
          sort={sort}
          onSort={setSort}
        />
      }
    >
      {id === undefined ? null : (
        <CaseDetail key={id} id={id} listed={shown.find((one) => one.id === id)} onSettled={openNext} />
      )}
    </ListDetail>
  );
}

/** The list, page by page; sorted by money without a filter, its first page is the stream's. */
function useCases(kind: ReviewKind | 'all', sort: CaseSort) {
  // Both are about the money of an order, and are counted together.
  const kinds = kind === 'payment' ? 'payment,payment_task' : kind;
  const query = `sort=${sort}${kind === 'all' ? '' : `&kind=${kinds}`}`;
  const list = useList<ReviewCase>(`review?limit=${pageSize}&${query}`, { refetchMs });
  const [streamed, setStreamed] = useState<{ at: number; message: ReviewMessage } | null>(null);
  useTopic<ReviewMessage>('review', (message) => setStreamed({ at: performance.now(), message }));
  const isNewest = streamed !== null && kind === 'all' && sort === 'money' && streamed.at > list.at;
  const cases = isNewest ? withRest(streamed.message.data, list.rows ?? []) : list.rows;
  return { list, cases, at: isNewest ? streamed.at : list.at, totals: streamed?.message ?? null };
}

/** The stream's first page, then the rest as loaded. */
function withRest(first: readonly ReviewCase[], loaded: readonly ReviewCase[]): ReviewCase[] {
  if (first.length < pageSize) return [...first];
  const known = new Set(first.map(({ id }) => id));
  return [...first, ...loaded.slice(pageSize).filter(({ id }) => !known.has(id))];
}
