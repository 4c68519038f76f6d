import type { Action } from '../../api/openapi';
import { Modal } from '../../components/dialogs/modal';
import { Button } from '../../components/forms/button';
import { Facts } from '../../components/layout/states';
import { Id, None, When } from '../../components/values/figures';
import { differences, hrefOfObject } from './objects';
import styles from './audit.module.css';

/** One action: its object, reason and changes. */
export function ActionDialog({ action, onClose }: { action: Action | null; onClose: () => void }) {
  if (action === null) return null;
  const href = hrefOfObject(action);
  return (
    <Modal
      open
      wide
      onClose={onClose}
      title={`${action.actor}: ${action.action}`}
      note={<When at={action.at} />}
      foot={
        <>
          {href !== null && <Button href={href}>Open the {action.objectType.replaceAll('_', ' ')}</Button>}
          <Button onClick={onClose}>Close</Button>
        </>
      }
    >
      <div className={styles.details}>
        <Facts
          items={[
            [action.objectType.replaceAll('_', ' '), <Id id={action.objectId} full copy />],
            ['Reason', action.reason ?? <None />],
            ['Entry', <Id id={action.id} full />],
          ]}
        />
        <Changes action={action} />
      </div>
    </Modal>
  );
}

function Changes({ action }: { action: Action }) {
  const rows = differences(action);
  if (rows.length === 0) return <p className={styles.note}>No field was changed.</p>;
  return (
    <table className={styles.diff}>
      <caption className="unseen">Changed fields</caption>
      <thead>
        <tr>
          <th scope="col">Field</th>
          <th scope="col">Before</th>
          <th scope="col">After</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ field, before, after }) => (
          <tr key={field}>
            <th scope="row">{field}</th>
            <td>{before ?? <None />}</td>
            <td className={styles.changed}>{after ?? <None />}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
