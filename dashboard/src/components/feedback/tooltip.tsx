import { Tooltip as BaseTooltip } from '@base-ui/react/tooltip';
import styles from './tooltip.module.css';

interface TooltipProps {
  text: React.ReactNode;
  side?: 'top' | 'right' | 'bottom' | 'left';
  /** Where the words stand there already. */
  off?: boolean;
  /** One element that can have focus. */
  children: React.ReactElement<Record<string, unknown>>;
}

/** A few words for the pointer and the focus. Never the only place where something is told. */
export function Tooltip({ text, side = 'top', off, children }: TooltipProps) {
  return (
    <BaseTooltip.Root disabled={off}>
      <BaseTooltip.Trigger render={children} />
      <BaseTooltip.Portal>
        <BaseTooltip.Positioner className={styles.layer} side={side} sideOffset={6}>
          <BaseTooltip.Popup className={styles.hint}>{text}</BaseTooltip.Popup>
        </BaseTooltip.Positioner>
      </BaseTooltip.Portal>
    </BaseTooltip.Root>
  );
}
