import { Check, Copy } from 'lucide-react';
import { useState } from 'react';
import { Link } from 'wouter';
import { useAge } from '../../browser/tick';
import { formatInstant, formatTime, formatTimeMs, useTimeZone } from '../../formatting/clock';
import { formatAge } from '../../formatting/durations';
import { shortId } from '../../formatting/ids';
import { type Amount, formatMoney } from '../../formatting/money';
import { formatCount } from '../../formatting/numbers';
import { classes } from '../../theme/classes';
import styles from './figures.module.css';

/** An amount of money, with the decimals of its currency. */
export function Money({ of }: { of: Amount }) {
  return <span className={classes(styles.money, of.amount === 0 && styles.none)}>{formatMoney(of)}</span>;
}

/** A count; zero is dimmed. */
export function Count({ n }: { n: number }) {
  return n === 0 ? <span className={styles.none}>0</span> : <>{formatCount(n)}</>;
}

/** No value. */
export function None({ children = '–' }: { children?: React.ReactNode }) {
  return <span className={styles.none}>{children}</span>;
}

/** An age that keeps counting. */
export function Ago({ seconds, at }: { seconds: number; at: number }) {
  return <>{formatAge(useAge(seconds, at))}</>;
}

/** A time of day in the selected time zone; the title has the exact instant. */
export function When({ at, ms }: { at: string; ms?: boolean }) {
  useTimeZone();
  return (
    <time dateTime={formatInstant(at)} title={formatInstant(at)}>
      {ms ? formatTimeMs(at) : formatTime(at)}
    </time>
  );
}

interface IdProps {
  id: string;
  href?: string;
  /** The full id, for the object's own page. */
  full?: boolean;
  copy?: boolean;
}

/** The id of an object, shortened everywhere but on its own page. */
export function Id({ id, href, full, copy }: IdProps) {
  const text = full ? id : shortId(id);
  const className = classes(styles.id, full && styles.full);
  return (
    <>
      {href === undefined ? (
        <span className={className} title={full ? undefined : id}>
          {text}
        </span>
      ) : (
        <Link href={href} className={className} title={full ? undefined : id}>
          {text}
        </Link>
      )}
      {copy && <CopyButton text={id} />}
    </>
  );
}

/** Text from outside, in a row: truncated when it is too long. The title and the row's own page have all of it. */
export function Clip({ text, code, wide }: { text: string; code?: boolean; wide?: boolean }) {
  return (
    <span className={classes(styles.clip, code && styles.id, wide && styles.wide)} title={text}>
      {text}
    </span>
  );
}

/** Copies a text and shows a check mark for two seconds. */
export function CopyButton({ text, label = 'Copy' }: { text: string; label?: string }) {
  const [copied, setCopied] = useState(false);
  const copy = (): void => {
    // The clipboard is unavailable without HTTPS or permission; the text can still be selected.
    void navigator.clipboard
      ?.writeText(text)
      .then(() => {
        setCopied(true);
        setTimeout(() => setCopied(false), 2000);
      })
      .catch(() => setCopied(false));
  };
  return (
    <button
      type="button"
      className={styles.copy}
      onClick={copy}
      aria-label={copied ? 'Copied' : `${label} ${text}`}
    >
      {copied ? <Check size={14} aria-hidden /> : <Copy size={14} aria-hidden />}
    </button>
  );
}
