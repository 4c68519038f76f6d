import { Tooltip as BaseTooltip } from '@base-ui/react/tooltip';
import styles from './tooltip.module.css';

interface TooltipProps {
  text: React.ReactNode;
  side?: 'top' | 'right' | 'bottom' | 'left';
  /** Disabled where the text is visible anyway. */
  off?: boolean;
  /** One focusable element. */
  children: React.ReactElement<Record<string, unknown>>;
}

/** A short tooltip on hover and focus. Never the only place where something is said. */
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
