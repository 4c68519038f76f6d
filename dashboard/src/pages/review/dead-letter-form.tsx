import { useState } from 'react';
import { send } from '../../api/client';
import type { DeadLetter, ReviewCase } from '../../api/shapes/review';
import { useInvalidate } from '../../api/use-api';
import { ConfirmDialog } from '../../components/dialogs/confirm-dialog';
import { useToast } from '../../components/feedback/toasts';
import { ActionButton } from '../../components/forms/button';

/** A message that no consumer could take: it can be handed over once more, and nothing else can be done with it. */
export function DeadLetterForm({ one, onSettled }: { one: ReviewCase; onSettled: () => void }) {
  const [open, setOpen] = useState(false);
  const invalidate = useInvalidate();
  const toast = useToast();
  return (
    <>
      <p>
        <ActionButton tone="primary" onClick={() => setOpen(true)}>
          Hand it over again
        </ActionButton>
      </p>
      <ConfirmDialog<DeadLetter>
        open={open}
        onClose={() => setOpen(false)}
        title="Hand this message over again?"
        keep="Leave it dead"
        act="Hand over 1 message"
        tone="primary"
        send={(reason, key) => send('POST', `dead-letters/${one.id}/retry`, { body: { reason }, key })}
        onDone={() => {
          invalidate('review?');
          invalidate('dead-letters');
          toast('The message goes to its consumer again.', {
            href: `/audit?objectId=${one.id}`,
            label: 'See audit',
          });
          onSettled();
        }}
      >
        <p>Its consumer takes each message once, so what it has done already is not done twice.</p>
      </ConfirmDialog>
    </>
  );
}
