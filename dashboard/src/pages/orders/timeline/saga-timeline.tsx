import { useMemo, useState } from 'react';
import type { Saga } from '../../../api/openapi';
import { historyOf, type TimelineFacts } from './history';
import { TimelineDrawing } from './timeline-drawing';
import { TimelineList } from './timeline-list';
import { drawingOf } from './timeline-model';
import styles from './saga-timeline.module.css';

interface SagaTimelineProps {
  saga: Saga;
  /** The time since its first transition; used only while the saga is open. */
  ageMs: number;
}

/**
 * A saga as lanes of attempts; as a list below 700 px and for screen readers. Waits are drawn short, so that a
 * half-hour pause does not squeeze seconds of work to nothing.
 */
export function SagaTimeline({ saga, ageMs }: SagaTimelineProps) {
  const isOver = saga.status === 'completed' || saga.status === 'compensated';
  // An open saga is redrawn once a second, an ended one only once.
  const nowMs = isOver ? 0 : Math.floor(ageMs / 1_000) * 1_000;
  const [opened, setOpened] = useState<ReadonlySet<string>>(new Set());
  const history = useMemo(() => historyOf(saga, nowMs), [saga, nowMs]);
  const { units } = saga.reservation;
  const drawing = useMemo(() => drawingOf(history, opened, units), [history, opened, units]);
  const zero = Date.parse(saga.transitions[0]?.at ?? saga.order.createdAt);
  const facts: TimelineFacts = { saga, history, zero };

  return (
    <div className={styles.timeline}>
      <TimelineDrawing
        facts={facts}
        drawing={drawing}
        onOpen={(key) => setOpened((before) => new Set([...before, key]))}
      />
      <TimelineList facts={facts} />
    </div>
  );
}
