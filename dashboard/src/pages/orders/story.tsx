import styles from './story.module.css';

/** The words that decide a story, shown bold: a refusal, what went back, what was paid. */
const weighty =
  /(declined|unknown|there is still no answer|\d[\d\u202f]* units?(?: of [\w.-]*\w)?|\p{Sc}\u202f?\d(?:[\d\u202f.]*\d)?)/u;

/** The order's story in at most three sentences, written by the server. */
export function Story({ sentences }: { sentences: readonly string[] }) {
  return (
    <p className={styles.story}>
      {sentences.map((sentence, nth) => (
        <span key={nth}>
          {sentence.split(weighty).map((part, at) => (at % 2 === 1 ? <b key={at}>{part}</b> : part))}{' '}
        </span>
      ))}
    </p>
  );
}
