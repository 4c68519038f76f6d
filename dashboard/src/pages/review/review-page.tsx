import { useState } from 'react';
import { useLocation, useParams } from 'wouter';
import { useTopic } from '../../api/live';
import type { Page } from '../../api/shapes/common';
import type { ReviewCase, ReviewKind, ReviewMessage } from '../../api/shapes/review';
import { useApi, useKeep } from '../../api/use-api';
import { ListAndOne, useFirstOpen } from '../../parts/list-and-one/list-and-one';
import { usePlace } from '../../parts/place';
import { Loading, Trouble } from '../../parts/states';
import { CaseDetail } from './case-detail';
import { CaseList, type CaseSort } from './case-list';

/** As many as a message of the stream carries. */
const path = 'review?limit=50';

/** What waits for a person, and what should they do? */
export default function ReviewPage() {
  usePlace({ here: 'Needs review' });
  const { id } = useParams<{ id?: string }>();
  const [, navigate] = useLocation();
  const { cases, counts, at, state } = useCases();
  const [kind, setKind] = useState<ReviewKind | 'all'>('all');
  const [sort, setSort] = useState<CaseSort>('money');
  const shown = sorted(cases ?? [], sort).filter((one) => kind === 'all' || one.kind === kind);
  const first = shown[0]?.id;
  useFirstOpen(id !== undefined, first === undefined ? undefined : `/review/${first}`);

  const openNext = (settled: string) => {
    const here = shown.findIndex((one) => one.id === settled);
    const next = shown[here + 1] ?? shown[here - 1];
    navigate(next ? `/review/${next.id}` : '/review');
  };

  if (state.trouble && !cases)
    return <Trouble what="the cases" problem={state.trouble} again={state.again} />;
  if (!cases) return <Loading rows={8} />;
  return (
    <ListAndOne
      isOpen={id !== undefined}
      list={
        <CaseList
          cases={shown}
          counts={counts}
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
        <CaseDetail key={id} id={id} listed={cases.find((one) => one.id === id)} onSettled={openNext} />
      )}
    </ListAndOne>
  );
}

function useCases() {
  const state = useApi<Page<ReviewCase>>(path);
  const keep = useKeep();
  const [counts, setCounts] = useState<ReviewMessage['counts'] | null>(null);
  useTopic<ReviewMessage>('review', ({ data, counts: counted }) => {
    setCounts(counted);
    keep(path, { object: 'list', data, hasMore: false, nextCursor: null });
  });
  const cases = state.data?.data;
  return { cases, counts: counts ?? countsOf(cases ?? []), at: state.at, state };
}

function countsOf(cases: readonly ReviewCase[]): ReviewMessage['counts'] {
  const of = (kind: ReviewKind) => cases.filter((one) => one.kind === kind).length;
  return { stuck: of('stuck'), unknown: of('unknown'), dead_letter: of('dead_letter') };
}

function sorted(cases: readonly ReviewCase[], sort: CaseSort): ReviewCase[] {
  // By money the API has sorted them already.
  return sort === 'money' ? [...cases] : cases.toSorted((one, other) => one.since.localeCompare(other.since));
}
