import { useEffect, useState } from 'react';
import { useLocation, useParams } from 'wouter';
import { newKey, send } from '../../api/client';
import { useTopic } from '../../api/live';
import { type Problem, asProblem } from '../../api/problem';
import type { LoadTest, LoadTestList } from '../../api/shapes/load-tests';
import { useApi, useKeep, useRefresh } from '../../api/use-api';
import { classes } from '../../look/classes';
import { Refusal } from '../../parts/act-dialog';
import { LookBadge } from '../../parts/badge';
import { ActButton } from '../../parts/button';
import { When } from '../../parts/figures';
import page from '../../parts/page.module.css';
import { Panel } from '../../parts/panel';
import { usePlace } from '../../parts/place';
import { RaceCurves } from '../../parts/race/race-curves';
import { RaceTable } from '../../parts/race/race-table';
import { Empty, Loading, Trouble } from '../../parts/states';
import { count } from '../../words/numbers';
import { NewRun } from './new-run';
import { PastRuns } from './past-runs';
import { runLooks } from './run-words';
import styles from './flash-sale-page.module.css';

/** Which strategy wins under my load? */
export default function FlashSalePage() {
  usePlace({ here: 'Flash sale' });
  const { run: named } = useParams<{ run?: string }>();
  const [, navigate] = useLocation();
  const { data: list, trouble, loading, again } = useApi<LoadTestList>('load-tests');
  const newest = list?.data[0]?.id;
  const id = named ?? newest;

  if (trouble && !list) return <Trouble what="rehearsals" problem={trouble} again={again} />;
  if (loading || !list) return <Loading rows={8} />;
  return (
    <div className={page.stack}>
      {id === undefined ? null : <Run key={id} id={id} />}
      <div className={classes(page.pair, styles.columns)}>
        {id === undefined ? (
          <Panel>
            <Empty title="No rehearsal yet. The form starts the first one." />
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
  const { data: run, trouble, loading, again } = useApi<LoadTest>(pathOf(id));
  const keep = useKeep();
  const refresh = useRefresh();
  const isRunning = run?.status === 'running';
  useTopic<LoadTest>(isRunning ? `run:${id}` : null, (value) => keep(pathOf(id), value));
  const status = run?.status;
  // Its end changes the list below as well.
  useEffect(() => {
    if (status !== undefined && status !== 'running') refresh('load-tests');
  }, [status, refresh]);

  if (trouble && !run) return <Trouble what="this rehearsal" problem={trouble} again={again} />;
  if (loading || !run) return <Loading rows={5} />;
  return (
    <Panel
      title={`Rehearsal of ${count(run.buyers)} buyers`}
      note={`who want ${count(run.units)} units, ${count(run.rate)} of them a second, seed ${run.seed}`}
      action={
        <>
          <span className={styles.when}>
            <When at={run.startedAt} /> {run.startedBy ?? 'from the command line'}
          </span>
          <LookBadge look={runLooks[run.status]} />
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

/** What did not hold, a sentence each: the table's red rows say where, these say what. */
function Failures({ run: { lanes, trouble } }: { run: LoadTest }) {
  const failures = lanes.flatMap(({ strategy, failures: own }) =>
    own.map((words) => `${strategy}: ${words}`),
  );
  const all = trouble ? [trouble, ...failures] : failures;
  if (all.length === 0) return null;
  return (
    <ul className={styles.failures}>
      {all.map((words) => (
        <li key={words}>{words}</li>
      ))}
    </ul>
  );
}

function Curves({ id }: { id: string }) {
  const { data: run } = useApi<LoadTest>(pathOf(id));
  return (
    <Panel
      title="Units taken over time"
      note="since the doors opened; steeper is better, level means sold out"
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
  const keep = useKeep();
  const stop = () => {
    setBusy(true);
    send<LoadTest>('POST', `${pathOf(run.id)}/stop`, { body: { reason: 'stopped from the dashboard' }, key })
      .then((stopped) => keep(pathOf(run.id), stopped))
      .catch((error: unknown) => setProblem(asProblem(error)))
      .finally(() => setBusy(false));
  };
  return (
    <>
      <ActButton small busy={busy} onClick={stop}>
        Stop
      </ActButton>
      {problem ? <Refusal problem={problem} /> : null}
    </>
  );
}
