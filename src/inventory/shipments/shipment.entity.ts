import { Column, Entity, PrimaryColumn } from 'typeorm';

/**
 * Goods that leave.
 *
 * pending → shipped  the payment was captured first, and the goods left in that commit
 * pending → failed   the capture was declined: nothing left
 *
 * Without a capture to wait for, a shipment is born `shipped`.
 */
export type ShipmentStatus = 'pending' | 'shipped' | 'failed';

export interface ShippedLine {
  sku: string;
  quantity: number;
  /** Their numbers, where each unit has one. */
  units?: number[];
}

@Entity('shipments')
export class ShipmentEntity {
  @PrimaryColumn('uuid') id!: string;
  @Column('uuid') reservationId!: string;
  @Column('uuid', { nullable: true }) orderId!: string | null;
  @Column('text') status!: ShipmentStatus;
  @Column('jsonb') lines!: ShippedLine[];
  /** The shop's own, as a tracking number. */
  @Column('text', { nullable: true }) reference!: string | null;
  @Column('text') actor!: string;
  @Column('timestamptz') createdAt!: Date;
  @Column('timestamptz', { nullable: true }) endedAt!: Date | null;
}
