import { useState } from 'react';
import { useAuth, useSession } from '../api/auth';
import { setLetters, useLetters } from '../browser/key-presses';
import { readSetting, writeSetting } from '../browser/stored-settings';
import { Modal } from '../components/dialogs/modal';
import { Button } from '../components/forms/button';
import { Segments } from '../components/forms/filters';
import { setTimeZone, type TimeZone, useTimeZone } from '../formatting/clock';
import { capitalize } from '../formatting/statuses';
import { chooseTheme, type ThemeChoice, useThemeChoice } from '../theme/theme';
import { navGroups } from './nav-pages';
import styles from './settings.module.css';

/** The settings of this browser, and sign-out. */
export function Settings({
  open,
  onClose,
  onKeys,
}: {
  open: boolean;
  onClose: () => void;
  onKeys: () => void;
}) {
  const { keyName, role, version } = useSession();
  const { signOut } = useAuth();
  return (
    <Modal
      open={open}
      onClose={onClose}
      title={`${keyName}, ${role}`}
      note={role === 'viewer' ? 'A viewer key can see everything and change nothing.' : `Holdfast ${version}`}
      foot={
        <>
          <Button onClick={() => void signOut()}>Sign out</Button>
          <Button onClick={onClose}>Close</Button>
        </>
      }
    >
      <div className={styles.settings}>
        <Choices />
        <Row label="Keyboard">
          <Button onClick={onKeys}>Show shortcuts</Button>
        </Row>
      </div>
    </Modal>
  );
}

function Choices() {
  const theme = useThemeChoice();
  const zone = useTimeZone();
  const letters = useLetters();
  const [compact, setCompact] = useState(isCompact);
  return (
    <>
      <Row label="Theme">
        <Segments
          label="Theme"
          value={theme}
          options={[option('system'), option('light'), option('dark')]}
          onChange={(value) => chooseTheme(value as ThemeChoice)}
        />
      </Row>
      <Row label="Time zone">
        <Segments
          label="Time zone"
          value={zone}
          options={[option('local'), { value: 'utc', label: 'UTC' }]}
          onChange={(value) => setTimeZone(value as TimeZone)}
        />
      </Row>
      <Row label="Rows">
        <Segments
          label="Rows"
          value={compact ? 'compact' : 'comfortable'}
          options={[option('comfortable'), option('compact')]}
          onChange={(value) => {
            setCompact(value === 'compact');
            chooseCompact(value === 'compact');
          }}
        />
      </Row>
      <Row label="Single-letter keys" hint="Off: only Tab, arrows, Enter and Escape work.">
        <Segments
          label="Single-letter keys"
          value={letters ? 'on' : 'off'}
          options={[option('on'), option('off')]}
          onChange={(value) => setLetters(value === 'on')}
        />
      </Row>
    </>
  );
}

const option = (value: string) => ({ value, label: capitalize(value) });

function Row({ label, hint, children }: { label: string; hint?: string; children: React.ReactNode }) {
  return (
    <div className={styles.row}>
      <div>
        {label}
        {hint !== undefined && <p className={styles.hint}>{hint}</p>}
      </div>
      {children}
    </div>
  );
}

export const isCompact = (): boolean => readSetting('compact') === 'yes';

export function chooseCompact(compact: boolean): void {
  writeSetting('compact', compact ? 'yes' : null);
  document.documentElement.dataset.compact = compact ? 'yes' : 'no';
}

/** The list of shortcuts, opened with `?`. */
export function KeyList({ open, onClose }: { open: boolean; onClose: () => void }) {
  const pages = navGroups.flatMap((group) => group.pages);
  return (
    <Modal
      open={open}
      onClose={onClose}
      title="Keyboard"
      wide
      foot={<Button onClick={onClose}>Close</Button>}
    >
      <dl className={styles.keys}>
        <Keys keys={['/']}>search</Keys>
        {pages.map(({ letter, name }) => (
          <Keys key={letter} keys={['g', letter]}>
            {name}
          </Keys>
        ))}
        <Keys keys={['j', 'k']}>next, previous row or case</Keys>
        <Keys keys={['Enter']}>open the row</Keys>
        <Keys keys={['x']}>select the row</Keys>
        <Keys keys={['r', 'c', 'm']}>in Needs review: retry, compensate, mark as resolved</Keys>
        <Keys keys={['Esc']}>close, leave the row</Keys>
        <Keys keys={['?']}>this list</Keys>
      </dl>
    </Modal>
  );
}

function Keys({ keys, children }: { keys: string[]; children: React.ReactNode }) {
  return (
    <>
      <dt>
        {keys.map((key) => (
          <kbd key={key}>{key}</kbd>
        ))}
      </dt>
      <dd>{children}</dd>
    </>
  );
}
