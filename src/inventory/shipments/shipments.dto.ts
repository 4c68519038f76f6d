import { ApiProperty } from '@nestjs/swagger';
import { IsIn } from 'class-validator';
import { IsText, MayBeAbsent } from '../../http/validation';
import { AreLines, LineDto } from '../reservations/reservations.dto';
import type { Restock } from './shipping';

export const restocks = ['sellable', 'none'] as const satisfies readonly Restock[];

export const IsRestock = () => IsIn(restocks, { message: 'restock must be sellable or none' });

export class ShipDto {
  @MayBeAbsent({
    type: [LineDto],
    description: 'What leaves; all that is left when absent. Lines of the same SKU are added up.',
  })
  @AreLines()
  lines?: LineDto[];

  @MayBeAbsent({ description: "The shop's own, for example a tracking number.", example: 'DHL 00340434' })
  @IsText(255)
  reference?: string;
}

export class ReturnDto {
  @ApiProperty({
    type: [LineDto],
    description:
      'What comes back. Units that were not shipped are given back first. Lines of the same SKU are added up.',
  })
  @AreLines()
  lines!: LineDto[];

  @MayBeAbsent({
    enum: restocks,
    default: 'none',
    description: '`sellable`: shipped units that came back are on sale again.',
  })
  @IsRestock()
  restock?: Restock;
}
