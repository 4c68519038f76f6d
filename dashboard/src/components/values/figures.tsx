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

/** An amount of money, with its currency's own decimals. */
export function Money({ of }: { of: Amount }) {
  return <span className={classes(styles.money, of.amount === 0 && styles.none)}>{formatMoney(of)}</span>;
}

/** A number of things; none is quieter than some. */
export function Count({ n }: { n: number }) {
  return n === 0 ? <span className={styles.none}>0</span> : <>{formatCount(n)}</>;
}

/** Nothing to tell here. */
export function None({ children = '–' }: { children?: React.ReactNode }) {
  return <span className={styles.none}>{children}</span>;
}

/** How long ago or for how long: counts on by itself. */
export function Ago({ seconds, at }: { seconds: number; at: number }) {
  return <>{formatAge(useAge(seconds, at))}</>;
}

/** A time of day, in the zone of the page; the title has the exact instant. */
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
  /** All of it, as on its own page. */
  full?: boolean;
  copy?: boolean;
}

/** The name of one thing. Elsewhere than on its own page its prefix and its last four letters tell it apart. */
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

/**
 * A text that somebody else chose, in a row: where it is too long its end is cut off, so that it pushes nothing off the page.
 * The whole of it is in the title, and on the row's own page.
 */
export function Clip({ text, code, wide }: { text: string; code?: boolean; wide?: boolean }) {
  return (
    <span className={classes(styles.clip, code && styles.id, wide && styles.wide)} title={text}>
      {text}
    </span>
  );
}

/** Puts a text on the clipboard, and says so by its own face for two seconds. */
export function CopyButton({ text, label = 'Copy' }: { text: string; label?: string }) {
  const [copied, setCopied] = useState(false);
  const copy = (): void => {
    // The clipboard is missing without HTTPS, and a person can forbid it: the text itself can still be selected.
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
