import { strategyStyle } from '../../formatting/strategies';
import styles from './strategy-line.module.css';

/** The strategy's line style, as in the charts. */
export function StrategyLine({ strategy }: { strategy: string }) {
  const { colour, dash, width } = strategyStyle(strategy);
  return (
    <svg className={styles.key} width="24" height="8" aria-hidden>
      <path
        d="M0 4H24"
        style={{ stroke: colour }}
        strokeWidth={width + 0.6}
        strokeDasharray={dash}
        fill="none"
      />
    </svg>
  );
}
