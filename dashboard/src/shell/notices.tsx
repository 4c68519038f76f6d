import { CircleCheck, Clock, OctagonAlert, RefreshCw, TriangleAlert } from 'lucide-react';
import { useEffect, useState } from 'react';
import { useAuth } from '../api/auth';
import type { Connection } from '../api/connection';
import { useConnection, useNewerBuild, useReconnect } from '../api/live';
import { toProblem } from '../api/problem';
import type { Overview, ServiceTrouble } from '../api/shapes/overview';
import { useApi } from '../api/use-api';
import { useTick } from '../browser/tick';
import { useAnnounce } from '../components/feedback/announcer';
import { Button } from '../components/forms/button';
import { When } from '../components/values/figures';
import { formatTime, useTimeZone } from '../formatting/clock';
import { formatWholeSeconds } from '../formatting/durations';
import { classes } from '../theme/classes';
import styles from './notices.module.css';

/** Said early enough that nobody loses a half written reason. */
const ENDING_SOON_MS = 5 * 60_000;

/** What is so with the page or the service as a whole: a trouble, no connection, back again, a session that ends, a newer build. */
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
            {formatTime(heardClock)} and is not moving.
          </>
        ) : (
          <b>No connection yet.</b>
        )}{' '}
        Actions are off until it is back.{' '}
        {wait > 0 ? `Next try in ${formatWholeSeconds(wait)}.` : 'Trying now.'}
      </p>
      <Button small onClick={tryNow}>
        Try now
      </Button>
    </div>
  );
}

const troubleLabels: Record<ServiceTrouble['code'], string> = {
  no_worker: 'No worker is running.',
  provider_silent: 'The payment provider does not answer.',
  task_failing: 'A background task keeps failing.',
  queue_unreachable: 'The job queue cannot be reached.',
};
const stopsSales: readonly string[] = ['no_worker', 'provider_silent'];

/** What keeps the service as a whole from working. Its text stands still, or a screen reader would talk without end. */
function ServiceNotices() {
  const { data } = useApi<Overview>('overview');
  useTimeZone();
  // While a deploy rolls, an API of the build before may answer, which does not name them.
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
  `Back. ${formatWholeSeconds(missedSeconds)} were missed; everything is fresh again.`;

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

/** Never by itself: somebody may be in the middle of a sentence. */
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
    if (phase === 'lost') announce('The connection is lost. Numbers are not moving, and actions are off.');
    if (phase === 'back') announce('The connection is back. Everything is fresh again.');
  }, [phase, announce]);
}
