import { CircleCheck, Clock, RefreshCw, TriangleAlert } from 'lucide-react';
import { useEffect, useState } from 'react';
import type { Connection } from '../api/connection';
import { useConnection, useNewerBuild, useTryNow } from '../api/live';
import { asProblem } from '../api/problem';
import { useDoor } from '../api/session-gate';
import { classes } from '../look/classes';
import { useTick } from '../look/tick';
import { useAnnounce } from '../parts/announce';
import { Button } from '../parts/button';
import { clock, useZone } from '../words/clock';
import { away } from '../words/durations';
import styles from './band.module.css';

/** Said early enough that nobody loses a half written reason. */
const ENDING_SOON_MS = 5 * 60_000;

/** What is so with the page as a whole: no connection, back again, a session that ends, a newer build. */
export function Bands() {
  const connection = useConnection();
  useConnectionAnnounced(connection);
  return (
    <section className={styles.bands} aria-label="Notices">
      {connection.phase === 'lost' && <LostBand connection={connection} />}
      {connection.phase === 'back' && (
        <div className={classes(styles.band, styles.back)}>
          <CircleCheck size={15} aria-hidden />
          <p>{saidBack(connection)}</p>
        </div>
      )}
      <SessionBand />
      <NewerBand />
    </section>
  );
}

function LostBand({ connection: { heardAt, heardClock, nextTryAt } }: { connection: Connection }) {
  useTick();
  useZone();
  const tryNow = useTryNow();
  const now = performance.now();
  const wait = nextTryAt === null ? 0 : Math.ceil((nextTryAt - now) / 1000);
  return (
    <div className={styles.band}>
      <Clock size={15} aria-hidden />
      <p>
        {heardAt !== null && heardClock !== null ? (
          <>
            <b>No connection for {away((now - heardAt) / 1000)}.</b> Everything below is from{' '}
            {clock(heardClock)} and is not moving.
          </>
        ) : (
          <b>No connection yet.</b>
        )}{' '}
        Actions are off until it is back. {wait > 0 ? `Next try in ${away(wait)}.` : 'Trying now.'}
      </p>
      <Button small onClick={tryNow}>
        Try now
      </Button>
    </div>
  );
}

const saidBack = ({ missedSeconds }: Connection): string =>
  `Back. ${away(missedSeconds)} were missed; everything is fresh again.`;

function SessionBand() {
  const now = useTick();
  const { gate, stay } = useDoor();
  const [failed, setFailed] = useState<string | null>(null);
  if (gate.phase !== 'in' || gate.ended) return null;
  const rest = gate.endsAt - now;
  if (rest > ENDING_SOON_MS) return null;
  return (
    <div className={styles.band}>
      <TriangleAlert size={15} aria-hidden />
      <p>
        Your session ends {rest <= 0 ? 'now' : `in ${away(rest / 1000)}`}. {failed}
      </p>
      <Button
        small
        onClick={() => {
          stay().then(
            () => setFailed(null),
            (error: unknown) => setFailed(asProblem(error).detail),
          );
        }}
      >
        Stay signed in
      </Button>
    </div>
  );
}

/** Never by itself: somebody may be in the middle of a sentence. */
function NewerBand() {
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
