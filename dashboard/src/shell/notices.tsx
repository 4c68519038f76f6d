import { CircleCheck, Clock, OctagonAlert, RefreshCw, TriangleAlert } from 'lucide-react';
import { useEffect, useState } from 'react';
import { useAuth } from '../api/auth';
import type { Connection } from '../api/connection';
import { useConnection, useNewerBuild, useReconnect } from '../api/live';
import { toProblem } from '../api/problem';
import type { Overview, ServiceTrouble } from '../api/openapi';
import { useApi } from '../api/use-api';
import { useTick } from '../browser/tick';
import { useAnnounce } from '../components/feedback/announcer';
import { Button } from '../components/forms/button';
import { When } from '../components/values/figures';
import { formatTime, useTimeZone } from '../formatting/clock';
import { formatWholeSeconds } from '../formatting/durations';
import { classes } from '../theme/classes';
import styles from './notices.module.css';

/** Early enough that no one loses a half-written reason. */
const ENDING_SOON_MS = 5 * 60_000;

/**
 * Notices about the page or the whole service: service problems, lost connection, reconnected, session about to end,
 * newer build.
 */
export function Notices() {
  const connection = useConnection();
  useConnectionAnnounced(connection);
  return (
    <section className={styles.bands} aria-label="Notices">
      {connection.phase === 'lost' && <ConnectionLostNotice connection={connection} />}
      {connection.phase === 'back' && (
        <div className={classes(styles.band, styles.back)}>
          <CircleCheck size={15} aria-hidden />
          <p>{formatBack(connection)}</p>
        </div>
      )}
      <ServiceNotices />
      <SessionNotice />
      <NewerBuildNotice />
    </section>
  );
}

function ConnectionLostNotice({
  connection: { heardAt, heardClock, nextTryAt },
}: {
  connection: Connection;
}) {
  useTick();
  useTimeZone();
  const tryNow = useReconnect();
  const now = performance.now();
  const wait = nextTryAt === null ? 0 : Math.ceil((nextTryAt - now) / 1000);
  return (
    <div className={styles.band}>
      <Clock size={15} aria-hidden />
      <p>
        {heardAt !== null && heardClock !== null ? (
          <>
            <b>No connection for {formatWholeSeconds((now - heardAt) / 1000)}.</b> Everything below is from{' '}
            {formatTime(heardClock)} and no longer updates.
          </>
        ) : (
          <b>No connection yet.</b>
        )}{' '}
        Actions are disabled until it is back.{' '}
        {wait > 0 ? `Next attempt in ${formatWholeSeconds(wait)}.` : 'Connecting now.'}
      </p>
      <Button small onClick={tryNow}>
        Try now
      </Button>
    </div>
  );
}

const troubleLabels: Record<ServiceTrouble['code'], string> = {
  no_worker: 'No worker is running.',
  provider_silent: 'The payment provider is not responding.',
  task_failing: 'A background task keeps failing.',
  queue_unreachable: 'The job queue cannot be reached.',
};
const stopsSales: readonly string[] = ['no_worker', 'provider_silent'];

/**
 * Problems of the whole service. The text does not change while shown, or a screen reader would read it without end.
 */
function ServiceNotices() {
  const { data } = useApi<Overview>('overview');
  useTimeZone();
  // During a deploy an API of the previous build may answer without `troubles`.
  const troubles = (data as Partial<Overview> | undefined)?.troubles ?? [];
  return troubles.map(({ code, since, detail }) => {
    const isBad = stopsSales.includes(code);
    return (
      <div
        key={`${code} ${detail}`}
        role={isBad ? 'alert' : 'status'}
        className={classes(styles.band, styles.trouble, isBad && styles.bad)}
      >
        {isBad ? <OctagonAlert size={15} aria-hidden /> : <TriangleAlert size={15} aria-hidden />}
        <p>
          <b>{troubleLabels[code] ?? 'Something is wrong with the service.'}</b>{' '}
          {since === null ? null : (
            <>
              Since <When at={since} />.{' '}
            </>
          )}
          {detail}
        </p>
      </div>
    );
  });
}

const formatBack = ({ missedSeconds }: Connection): string =>
  `Reconnected after ${formatWholeSeconds(missedSeconds)}. Everything is up to date.`;

function SessionNotice() {
  const now = useTick();
  const { state, extendSession } = useAuth();
  const [failed, setFailed] = useState<string | null>(null);
  if (state.phase !== 'signed-in' || state.ended) return null;
  const rest = state.endsAt - now;
  if (rest > ENDING_SOON_MS) return null;
  return (
    <div className={styles.band}>
      <TriangleAlert size={15} aria-hidden />
      <p>
        Your session ends {rest <= 0 ? 'now' : `in ${formatWholeSeconds(rest / 1000)}`}. {failed}
      </p>
      <Button
        small
        onClick={() => {
          extendSession().then(
            () => setFailed(null),
            (error: unknown) => setFailed(toProblem(error).detail),
          );
        }}
      >
        Stay signed in
      </Button>
    </div>
  );
}

/** The user reloads, never the page itself: someone may be typing. */
function NewerBuildNotice() {
  const newer = useNewerBuild();
  if (!newer) return null;
  return (
    <div className={classes(styles.band, styles.note)}>
      <RefreshCw size={15} aria-hidden />
      <p>A newer dashboard is ready.</p>
      <Button small onClick={() => location.reload()}>
        Reload
      </Button>
    </div>
  );
}

function useConnectionAnnounced(connection: Connection): void {
  const announce = useAnnounce();
  const { phase } = connection;
  useEffect(() => {
    if (phase === 'lost') announce('Connection lost. Numbers no longer update, and actions are disabled.');
    if (phase === 'back') announce('Reconnected. Everything is up to date.');
  }, [phase, announce]);
}
