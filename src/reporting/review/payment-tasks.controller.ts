import { Body, Controller, Param, Post, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { ReasonDto } from '../../audit-log/reason.dto';
import { Caller, type Principal, Roles } from '../../auth/auth.guard';
import { ValidationFailed } from '../../errors';
import { Responses } from '../../http/responses';
import { OptionalIdempotencyKey, idempotencyKeyReused } from '../../idempotency/idempotency.repository';
import {
  TaskActions,
  paymentTaskDriven,
  paymentTaskNotFound,
  paymentTaskNotStuck,
  paymentTaskUnanswered,
} from '../../orders/fulfilment/task-actions';
import { moreThanCaptured, paymentDisputed } from '../../orders/orders.errors';
import { paymentTaskType, paymentTaskView } from '../order-timeline/payment-task-view';

const problems = [
  ValidationFailed,
  paymentTaskNotFound,
  paymentTaskNotStuck,
  paymentTaskDriven,
  idempotencyKeyReused,
];

@ApiTags('admin: operations')
@Controller('v1/admin/payment-tasks')
@Roles('admin')
export class PaymentTasksController {
  constructor(private readonly tasks: TaskActions) {}

  @Post(':id/retry')
  @ApiOperation({
    summary: 'Ask again for a refund or a capture',
    description:
      'By the id of a refund (`rfd_…`) or of a capture (`cap_…`). Under the same key as before, so it cannot be paid twice. A refund that was declined, or did not reach the customer, is made again under a new key: not if the customer was paid in another way. Kept in the audit log.',
  })
  @Responses({ 200: paymentTaskType }, [...problems, paymentDisputed, moreThanCaptured])
  async retryPaymentTask(
    @Param('id') id: string,
    @Body() { reason }: ReasonDto,
    @OptionalIdempotencyKey() key: string | undefined,
    @Caller() actor: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { task, replayed } = await this.tasks.perform('retry', id, { reason, key }, actor);
    if (replayed) void reply.header('idempotent-replayed', 'true');
    return paymentTaskView(task);
  }

  @Post(':id/resolve')
  @ApiOperation({
    summary: 'Give a refund or a capture up',
    description:
      'It becomes `failed`, and no money moves here any more. Possible when the provider has surely not done it. Kept in the audit log.',
  })
  @Responses({ 200: paymentTaskType }, [...problems, paymentTaskUnanswered])
  async resolvePaymentTask(
    @Param('id') id: string,
    @Body() { reason }: ReasonDto,
    @OptionalIdempotencyKey() key: string | undefined,
    @Caller() actor: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { task, replayed } = await this.tasks.perform('resolve', id, { reason, key }, actor);
    if (replayed) void reply.header('idempotent-replayed', 'true');
    return paymentTaskView(task);
  }
}
