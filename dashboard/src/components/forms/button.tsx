import { Lock, type LucideIcon } from 'lucide-react';
import { Link } from 'wouter';
import { useCanAct } from '../../api/live';
import { classes } from '../../theme/classes';
import { Tooltip } from '../feedback/tooltip';
import styles from './button.module.css';

export interface ButtonProps extends Omit<React.ComponentProps<'button'>, 'type'> {
  tone?: 'plain' | 'primary' | 'danger' | 'quiet';
  small?: boolean;
  icon?: LucideIcon;
  /** Makes it a link. */
  href?: string;
  busy?: boolean;
  /** Why the button is disabled. It stays focusable, so that the reason can be read. */
  off?: string | null;
  type?: 'button' | 'submit';
}

export function Button({
  tone = 'plain',
  small,
  icon: Icon,
  href,
  busy,
  off,
  children,
  ...rest
}: ButtonProps) {
  const className = classes(
    styles.button,
    tone !== 'plain' && styles[tone],
    small && styles.small,
    busy && styles.busy,
    children === undefined && styles.icon,
    rest.className,
  );
  const size = small ? 13 : 15;
  if (href !== undefined) {
    return (
      <Link href={href} className={className} aria-label={rest['aria-label']}>
        {Icon && <Icon size={size} aria-hidden />}
        {children}
      </Link>
    );
  }
  if (off) {
    const button = (
      <button {...rest} type="button" className={className} aria-disabled onClick={ignore}>
        <Lock size={size - 1} aria-hidden />
        {children}
        <span className="unseen">, {off}</span>
      </button>
    );
    return <Tooltip text={off}>{button}</Tooltip>;
  }
  return (
    <button
      type="button"
      {...rest}
      className={className}
      aria-disabled={busy || undefined}
      onClick={busy ? ignore : rest.onClick}
    >
      {Icon && <Icon size={size} aria-hidden />}
      {children}
    </button>
  );
}

const ignore = (event: React.MouseEvent): void => event.preventDefault();

/** A button for an action: visible to everyone, disabled without permission and while the numbers are old. */
export function ActionButton({ off, ...rest }: ButtonProps) {
  const { why } = useCanAct();
  return <Button {...rest} off={off ?? why} />;
}
