import styles from './story.module.css';

/** What decides a story: that a key was the same, that a no came, what went back and what was paid. */
const weighty =
  /(with the same key|declined|unknown|there is still no answer|\d[\d\u202f]* units?(?: of [\w.-]*\w)?|\p{Sc}\u202f?\d(?:[\d\u202f.]*\d)?)/u;

/** The order's story in at most three sentences, made by the server of templates. */
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
