import { useEffect, useState } from 'react';
import { useLocation, useParams } from 'wouter';
import { newKey, send } from '../../api/client';
import { useTopic } from '../../api/live';
import { type Problem, toProblem } from '../../api/problem';
import type { LoadTest, LoadTestList } from '../../api/openapi';
import { useApi, useInvalidate, useSetCached } from '../../api/use-api';
import { ProblemMessage } from '../../components/dialogs/confirm-dialog';
import { ActionButton } from '../../components/forms/button';
import { useSetBreadcrumbs } from '../../components/layout/breadcrumbs';
import page from '../../components/layout/page.module.css';
import { Panel } from '../../components/layout/panel';
import { Empty, LoadError, Loading } from '../../components/layout/states';
import { Badge } from '../../components/values/badge';
import { When } from '../../components/values/figures';
import { formatCount } from '../../formatting/numbers';
import { classes } from '../../theme/classes';
import { NewRun } from './new-run';
import { PastRuns } from './past-runs';
import { RaceCurves } from './race-curves';
import { RaceTable } from './race-table';
import { runBadges } from './run-status';
import styles from './flash-sale-page.module.css';

/** Which strategy wins under my load? */
export default function FlashSalePage() {
  useSetBreadcrumbs({ here: 'Flash sale' });
  const { run: named } = useParams<{ run?: string }>();
  const [, navigate] = useLocation();
  const { data: list, error, loading, refetch } = useApi<LoadTestList>('load-tests');
  const newest = list?.data[0]?.id;
  const id = named ?? newest;

  if (error && !list) return <LoadError what="rehearsals" problem={error} retry={refetch} />;
  if (loading || !list) return <Loading rows={8} />;
  return (
    <div className={page.stack}>
      {id === undefined ? null : <Run key={id} id={id} />}
      <div className={classes(page.pair, styles.columns)}>
        {id === undefined ? (
          <Panel>
            <Empty title="No rehearsals yet. Start one with the form." />
          </Panel>
        ) : (
          <Curves id={id} />
        )}
        <NewRun
          strategies={list.strategies}
          running={list.data.find(({ status }) => status === 'running')}
          onStarted={(run) => navigate(`/flash-sale/${run.id}`)}
        />
      </div>
      <PastRuns runs={list.data} open={id} />
    </div>
  );
}

const pathOf = (id: string) => `load-tests/${id}`;

function Run({ id }: { id: string }) {
  const { data: run, error, loading, refetch } = useApi<LoadTest>(pathOf(id));
  const setCached = useSetCached();
  const invalidate = useInvalidate();
  const isRunning = run?.status === 'running';
  useTopic<LoadTest>(isRunning ? `run:${id}` : null, (value) => setCached(pathOf(id), value));
  const status = run?.status;
  // When it ends, the list below changes as well.
  useEffect(() => {
    if (status !== undefined && status !== 'running') invalidate('load-tests');
  }, [status, invalidate]);

  if (error && !run) return <LoadError what="this rehearsal" problem={error} retry={refetch} />;
  if (loading || !run) return <Loading rows={5} />;
  return (
    <Panel
      title={`Rehearsal of ${formatCount(run.buyers)} buyers`}
      note={`${formatCount(run.units)} units, ${formatCount(run.rate)} arrivals/s, seed ${run.seed}`}
      action={
        <>
          <span className={styles.when}>
            <When at={run.startedAt} /> {run.startedBy ?? 'from the command line'}
          </span>
          <Badge badge={runBadges[run.status]} />
          {isRunning ? <StopButton run={run} /> : null}
        </>
      }
      flush
    >
      <RaceTable run={run} />
      <Failures run={run} />
    </Panel>
  );
}

/** What failed, one sentence each; the table marks where. */
function Failures({ run: { lanes, trouble } }: { run: LoadTest }) {
  const failures = lanes.flatMap(({ strategy, failures: own }) => own.map((text) => `${strategy}: ${text}`));
  const all = trouble ? [trouble, ...failures] : failures;
  if (all.length === 0) return null;
  return (
    <ul className={styles.failures}>
      {all.map((text) => (
        <li key={text}>{text}</li>
      ))}
    </ul>
  );
}

function Curves({ id }: { id: string }) {
  const { data: run } = useApi<LoadTest>(pathOf(id));
  return (
    <Panel
      title="Units taken over time"
      note="since the sale opened; steeper is better, level means sold out"
      flush
    >
      {run ? <RaceCurves lanes={run.lanes} units={run.units} /> : <Loading rows={6} />}
    </Panel>
  );
}

function StopButton({ run }: { run: LoadTest }) {
  const [key] = useState(newKey);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const setCached = useSetCached();
  const stop = () => {
    setBusy(true);
    send<LoadTest>('POST', `${pathOf(run.id)}/stop`, { body: { reason: 'stopped from the dashboard' }, key })
      .then((stopped) => setCached(pathOf(run.id), stopped))
      .catch((error: unknown) => setProblem(toProblem(error)))
      .finally(() => setBusy(false));
  };
  return (
    <>
      <ActionButton small busy={busy} onClick={stop}>
        Stop
      </ActionButton>
      {problem ? <ProblemMessage problem={problem} /> : null}
    </>
  );
}
