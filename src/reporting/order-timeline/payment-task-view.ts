import { z } from 'zod';
import { instant, int, money, moneyType, publicIdOf, responseType, text } from '../../http/responses';
import { publicId } from '../../ids';
import { publicTaskId } from '../../orders/fulfilment/task-actions';
import type { PaymentTask } from '../../orders/fulfilment/payment-tasks.repository';

export const paymentTaskType = responseType('PaymentTask', {
  id: publicIdOf('rfd').describe("A refund's (`rfd_…`) or a capture's (`cap_…`)."),
  object: z.literal('payment_task'),
  kind: z.enum(['refund', 'capture']).meta({ id: 'PaymentTaskKind' }),
  orderId: publicIdOf('ord'),
  status: z
    .enum(['due', 'stuck', 'done', 'failed'])
    .meta({ id: 'PaymentTaskStatus' })
    .describe(
      '`done`: the provider has it; a refund may still end otherwise. `failed`: declined or given up.',
    ),
  amount: moneyType,
  shipmentId: publicIdOf('shp').nullable().describe('What leaves when it is captured.'),
  reason: text('arrived broken').nullable().describe("The shop's."),
  actor: text('shop').describe('Who asked for it.'),
  attempts: int(1).describe('Since it last made progress.'),
  code: text('no_answer').nullable().describe('Why it last paused or stopped; as the codes of transitions.'),
  detail: text('no answer in time').nullable(),
  nextRunAt: instant().nullable().describe('Null: it has ended, or waits for an operator.'),
  createdAt: instant(),
  endedAt: instant().nullable(),
});

export const paymentTaskView = (task: PaymentTask): z.infer<typeof paymentTaskType> => ({
  id: publicTaskId(task),
  object: 'payment_task',
  kind: task.kind,
  orderId: publicId('ord', task.orderId),
  status: task.status,
  amount: money(task.amount, task.currency),
  shipmentId: task.shipmentId && publicId('shp', task.shipmentId),
  reason: task.reason,
  actor: task.actor,
  attempts: task.attempt,
  code: task.code,
  detail: task.lastError,
  nextRunAt: task.nextRunAt?.toISOString() ?? null,
  createdAt: task.createdAt.toISOString(),
  endedAt: task.endedAt?.toISOString() ?? null,
});
