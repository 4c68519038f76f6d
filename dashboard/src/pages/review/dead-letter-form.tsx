import { useState } from 'react';
import { send } from '../../api/client';
import type { DeadLetter, ReviewCase } from '../../api/openapi';
import { useInvalidate } from '../../api/use-api';
import { ConfirmDialog } from '../../components/dialogs/confirm-dialog';
import { useToast } from '../../components/feedback/toasts';
import { ActionButton } from '../../components/forms/button';

/** A message that its consumer could not apply. The only action is to retry it. */
export function DeadLetterForm({ one, onSettled }: { one: ReviewCase; onSettled: () => void }) {
  const [open, setOpen] = useState(false);
  const invalidate = useInvalidate();
  const toast = useToast();
  return (
    <>
      <p>
        <ActionButton tone="primary" onClick={() => setOpen(true)}>
          Retry this message
        </ActionButton>
      </p>
      <ConfirmDialog<DeadLetter>
        open={open}
        onClose={() => setOpen(false)}
        title="Retry this message?"
        keep="Not now"
        action="Retry 1 message"
        tone="primary"
        send={(reason, key) => send('POST', `dead-letters/${one.id}/retry`, { body: { reason }, key })}
        onDone={() => {
          invalidate('review?');
          invalidate('dead-letters');
          toast('The message will be delivered again.', {
            href: `/audit?objectId=${one.id}`,
            label: 'Show in audit log',
          });
          onSettled();
        }}
      >
        <p>Consumers apply each message once, so nothing is done twice.</p>
      </ConfirmDialog>
    </>
  );
}
