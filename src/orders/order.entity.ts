import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';
import type { OrderStatus } from './orders.repository';

/** Describes the table. Orders are read and written by SQL in `orders.repository.ts`. */
@Entity('orders')
export class OrderEntity {
  @PrimaryColumn('uuid') id!: string;
  @Column('text') principal!: string;
  @Column('text') customerId!: string;
  @Column('uuid') reservationId!: string;
  @Column('text') paymentMethod!: string;
  @Column('text') status!: OrderStatus;
  @Column('text', { nullable: true }) rejectionReason!: string | null;
  @Column('bigint') totalAmount!: number;
  @Column('text') currency!: string;
  @Column('jsonb') metadata!: Record<string, string>;
  @Column('int', { default: 1 }) version!: number;
  @Column('timestamptz') createdAt!: Date;
  @Column('timestamptz', { nullable: true }) placedAt!: Date | null;
  @Column('timestamptz', { nullable: true }) endedAt!: Date | null;
}

@Entity('order_lines')
export class OrderLineEntity {
  @ForeignKey(() => OrderEntity) @PrimaryColumn('uuid') orderId!: string;
  @PrimaryColumn('text', { collation: 'C' }) sku!: string;
  @Column('int') quantity!: number;
  @Column('bigint') unitAmount!: number;
}
