import { Clock, type LucideIcon, MailX, Pin, Undo2 } from 'lucide-react';
import type { ShapeName, Tone } from '../../formatting/statuses';
import { classes } from '../../theme/classes';
import styles from './shape.module.css';

/** The outlines differ, so that they are distinct at 12 px and without colour. */
const drawn: Partial<Record<ShapeName, React.ReactNode>> = {
  done: (
    <>
      <circle cx="7" cy="7" r="6" fill="currentColor" />
      <path
        d="m4.3 7.2 1.9 1.9 3.5-3.9"
        stroke="var(--shape-in, var(--panel))"
        strokeWidth="1.6"
        fill="none"
      />
    </>
  ),
  half: (
    <>
      <circle cx="7" cy="7" r="5.3" fill="none" stroke="currentColor" strokeWidth="1.4" />
      <path d="M7 1.700a5.3 5.3 0 0 0 0 10.600z" fill="currentColor" />
    </>
  ),
  unknown: (
    <>
      <path
        d="M7 .9 13.1 7 7 13.1.900 7z"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.4"
        strokeLinejoin="round"
      />
      <path
        d="M5.6 5.800c.1-.9.7-1.3 1.4-1.3.8 0 1.5.500 1.5 1.3 0 1-1.5 1.1-1.5 2.1"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.2"
        strokeLinecap="round"
      />
      <circle cx="7" cy="9.7" r=".75" fill="currentColor" />
    </>
  ),
  declined: (
    <>
      <rect
        x="1.4"
        y="1.4"
        width="11.2"
        height="11.2"
        rx="1.8"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.4"
      />
      <path
        d="m4.7 4.7 4.6 4.600m0-4.600L4.7 9.3"
        stroke="currentColor"
        strokeWidth="1.5"
        strokeLinecap="round"
      />
    </>
  ),
  stuck: (
    <>
      <path d="M4.3.7h5.400l3.6 3.600v5.400l-3.6 3.600H4.300L.7 9.700V4.300z" fill="currentColor" />
      <path d="M7 3.700v4" stroke="var(--shape-in, var(--panel))" strokeWidth="1.6" strokeLinecap="round" />
      <circle cx="7" cy="10.2" r=".95" fill="var(--shape-in, var(--panel))" />
    </>
  ),
  none: (
    <>
      <circle
        cx="7"
        cy="7"
        r="5.6"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.3"
        strokeDasharray="2.3 1.6"
      />
      <path d="M4.6 7h4.8" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round" />
    </>
  ),
};

const fromTheSet: Partial<Record<ShapeName, LucideIcon>> = {
  pin: Pin,
  clock: Clock,
  back: Undo2,
  dead: MailX,
};

/** The icon of a status. Its label always stands beside it. */
export function Shape({
  name,
  size = 14,
  className,
}: {
  name: ShapeName;
  size?: number;
  className?: string;
}) {
  const Icon = fromTheSet[name];
  if (Icon) return <Icon size={size} strokeWidth={2} aria-hidden className={className} />;
  return (
    <svg width={size} height={size} viewBox="0 0 14 14" aria-hidden className={className} data-shape={name}>
      {drawn[name]}
    </svg>
  );
}

/** A shape in the colour of its tone. */
export function TonedShape({ shape, tone }: { shape: ShapeName; tone: Tone }) {
  return (
    <span className={classes(styles.sign, styles[tone])}>
      <Shape name={shape} />
    </span>
  );
}
