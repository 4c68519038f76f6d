import { useState } from 'react';
import { newKey, send } from '../../api/client';
import { type Problem, toProblem } from '../../api/problem';
import type { Release } from '../../api/openapi';
import { useApi, useInvalidate } from '../../api/use-api';
import { ProblemMessage } from '../../components/dialogs/confirm-dialog';
import { Modal } from '../../components/dialogs/modal';
import { ActionButton, Button } from '../../components/forms/button';
import { formatCount, plural } from '../../formatting/numbers';
import styles from './release-progress.module.css';

/** The progress of a release and its result. Closing the dialog does not stop it. */
export function ReleaseProgress({ release: started, onClose }: { release: Release; onClose: () => void }) {
  const [over, setOver] = useState(false);
  const path = `reservations/releases/${started.id}`;
  const { data } = useApi<Release>(path, { refetchMs: over ? undefined : 1_000 });
  const release = data ?? started;
  const stop = useStop(release);
  const invalidate = useInvalidate();
  if (release.status !== 'running' && !over) setOver(true);
  const close = () => {
    invalidate('reservations');
    onClose();
  };
  return (
    <Modal
      open
      onClose={close}
      title={titleOf(release)}
      note={over ? 'Recorded in the audit log with your reason.' : 'Closing this does not stop it.'}
      foot={
        over ? (
          <>
            <Button href={`/audit?objectId=${release.id}`}>Show in audit log</Button>
            <Button tone="primary" onClick={close}>
              Close
            </Button>
          </>
        ) : (
          <>
            <Button onClick={close}>Keep running</Button>
            <ActionButton tone="danger" busy={stop.busy} onClick={stop.press}>
              Stop
            </ActionButton>
          </>
        )
      }
    >
      <progress
        className={styles.bar}
        max={Math.max(1, release.reservations)}
        value={release.handled}
        aria-label="Released"
      />
      <p role="status">
        {over
          ? formatResult(release)
          : `${formatCount(release.handled)} of ${formatCount(release.reservations)}`}
      </p>
      {stop.problem ? <ProblemMessage problem={stop.problem} /> : null}
    </Modal>
  );
}

const titleOf = ({ status, released, reservations }: Release) => {
  if (status === 'running') return `Releasing ${plural(reservations, 'reservation')}`;
  return status === 'stopped'
    ? `Stopped: ${plural(released, 'reservation')} released`
    : `${plural(released, 'reservation')} released`;
};

function formatResult({
  unitsReleased,
  endedBefore,
  pinnedMeanwhile,
  reservations,
  handled,
}: Release): string {
  const parts = [`${plural(unitsReleased, 'unit')} ${unitsReleased === 1 ? 'is' : 'are'} back on sale.`];
  if (endedBefore > 0)
    parts.push(
      `${formatCount(endedBefore)} had already ended by ${endedBefore === 1 ? 'itself' : 'themselves'}.`,
    );
  if (pinnedMeanwhile > 0) parts.push(`${formatCount(pinnedMeanwhile)} became pinned and stay.`);
  if (handled < reservations) parts.push(`${formatCount(reservations - handled)} were not processed.`);
  return parts.join(' ');
}

function useStop({ id, reason }: Release) {
  const [key] = useState(newKey);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const invalidate = useInvalidate();
  const press = () => {
    setBusy(true);
    send('POST', `reservations/releases/${id}/stop`, {
      body: { reason: `Stopped. ${reason}`.slice(0, 500) },
      key,
    })
      .then(() => invalidate(`reservations/releases/${id}`))
      .catch((error: unknown) => setProblem(toProblem(error)))
      .finally(() => setBusy(false));
  };
  return { busy, problem, press };
}
