import { useEffect, useRef, useState } from 'react';
import { send } from '../../api/client';
import { Problem, toProblem } from '../../api/problem';
import type { Release, ReleaseCount, ReleaseFilter } from '../../api/openapi';
import { useInvalidate } from '../../api/use-api';
import { ConfirmDialog } from '../../components/dialogs/confirm-dialog';
import { LoadError, Loading } from '../../components/layout/states';
import { Ago, When } from '../../components/values/figures';
import { formatCount, plural } from '../../formatting/numbers';
import { ReleaseProgress } from './release-progress';

/** From this number on, the count must be typed to confirm. */
const manyFrom = 10;
/** A count that changed by more than this is refreshed first. */
const movedShare = 0.01;

interface ReleaseManyProps {
  filter: ReleaseFilter;
  onClose: () => void;
  onStarted: () => void;
}

/** First a dry run counts, then the user confirms: exactly the counted reservations are released. */
export function ReleaseMany({ filter, onClose, onStarted }: ReleaseManyProps) {
  const dryRun = useDryRun(filter);
  const [started, setStarted] = useState<Release | null>(null);
  const isStarted = useRef(false);
  const invalidate = useInvalidate();
  if (started) return <ReleaseProgress release={started} onClose={onClose} />;

  const { counted, problem, again } = dryRun;
  const reservations = counted?.reservations ?? 0;
  const press = async (reason: string, key: string): Promise<Release> => {
    await refuseIfMoved(dryRun);
    return send<Release>('POST', 'reservations/release', { body: { token: counted?.token, reason }, key });
  };
  return (
    <ConfirmDialog<Release>
      open
      // It closes when done; the progress is shown instead.
      onClose={() => (isStarted.current ? undefined : onClose())}
      title={
        counted ? `Release ${plural(reservations, 'reservation')}${ofWhat(filter)}?` : 'Release reservations?'
      }
      note={
        counted ? <Counted counted={counted} at={dryRun.at} /> : 'Counting. Nothing has been changed yet.'
      }
      numbers={counted ? numbersOf(counted) : undefined}
      typed={reservations >= manyFrom ? reservations : undefined}
      keep="Keep them"
      action={counted ? `Release ${plural(reservations, 'reservation')}` : 'Release'}
      ready={reservations > 0}
      send={press}
      onDone={(release) => {
        isStarted.current = true;
        setStarted(release);
        onStarted();
        invalidate('reservations');
      }}
    >
      {problem ? <LoadError what="the count" problem={problem} retry={again} /> : null}
      {counted ? <WhatStays counted={counted} /> : problem ? null : <Loading rows={3} />}
    </ConfirmDialog>
  );
}

const ofWhat = ({ sku, customerId }: ReleaseFilter) =>
  sku ? ` of ${sku}` : customerId ? ` of ${customerId}` : '';

const Counted = ({ counted, at }: { counted: ReleaseCount; at: number }) => (
  <span key={counted.token}>
    Counted <Ago seconds={0} at={at} /> ago. Nothing has been changed yet.
  </span>
);

const numbersOf = ({ reservations, units, customers }: ReleaseCount) => [
  { value: formatCount(reservations), label: 'reservations end now' },
  { value: formatCount(units), label: 'units back on sale' },
  { value: formatCount(customers), label: 'customers affected' },
];

function WhatStays({ counted: { reservations, skippedPinned, asOf } }: { counted: ReleaseCount }) {
  if (reservations === 0) return <p>None of them is active anymore. There is nothing to release.</p>;
  return (
    <>
      <p>No money moves. None of these has been charged.</p>
      {skippedPinned > 0 ? (
        <p>
          <b>{formatCount(skippedPinned)} pinned</b>{' '}
          {skippedPinned === 1 ? 'matches too and stays: its' : 'match too and stay: their'} charge is in
          flight.
        </p>
      ) : null}
      <p>
        Reservations taken after <When at={asOf} /> are not included.
      </p>
    </>
  );
}

interface DryRun {
  counted: ReleaseCount | undefined;
  /** performance.now() of the count. */
  at: number;
  problem: Problem | undefined;
  again: () => void;
  recount: () => Promise<{ before: ReleaseCount | undefined; now: ReleaseCount }>;
}

function useDryRun(filter: ReleaseFilter): DryRun {
  const [state, setState] = useState<{ counted?: ReleaseCount; at: number; problem?: Problem }>({ at: 0 });
  const ask = () => send<ReleaseCount>('POST', 'reservations/release', { body: { filter, dryRun: true } });
  const again = () => {
    ask()
      .then((counted) => setState({ counted, at: performance.now() }))
      .catch((error: unknown) => setState({ at: 0, problem: toProblem(error) }));
  };
  // Counted once, when the dialog opens: the filter of an open dialog does not change.
  useEffect(again, []);
  const recount = async () => {
    const now = await ask();
    const before = state.counted;
    if (hasMoved(before, now)) setState({ counted: now, at: performance.now() });
    return { before, now };
  };
  return { counted: state.counted, problem: state.problem, at: state.at, again, recount };
}

const hasMoved = (before: ReleaseCount | undefined, now: ReleaseCount) =>
  before === undefined || Math.abs(now.reservations - before.reservations) > before.reservations * movedShare;

/** The number on the button must still be true when it is pressed. */
async function refuseIfMoved({ recount }: DryRun): Promise<void> {
  const { before, now } = await recount();
  if (!hasMoved(before, now)) return;
  throw new Problem(409, {
    code: 'count_moved',
    detail: `Now ${formatCount(now.reservations)} would end, not ${formatCount(before?.reservations ?? 0)}. Check the new numbers.`,
  });
}
