import { Tooltip } from '@base-ui/react/tooltip';
import styles from './hint.module.css';

interface HintProps {
  text: React.ReactNode;
  side?: 'top' | 'right' | 'bottom' | 'left';
  /** Where the words stand there already. */
  off?: boolean;
  /** One element that can have focus. */
  children: React.ReactElement<Record<string, unknown>>;
}

/** A few words for the pointer and the focus. Never the only place where something is told. */
export function Hint({ text, side = 'top', off, children }: HintProps) {
  return (
    <Tooltip.Root disabled={off}>
      <Tooltip.Trigger render={children} />
      <Tooltip.Portal>
        <Tooltip.Positioner className={styles.layer} side={side} sideOffset={6}>
          <Tooltip.Popup className={styles.hint}>{text}</Tooltip.Popup>
        </Tooltip.Positioner>
      </Tooltip.Portal>
    </Tooltip.Root>
  );
}
