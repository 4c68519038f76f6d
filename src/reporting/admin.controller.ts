import { Controller, Get, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Responses } from '../http/responses';
import { Roles } from '../auth/auth.guard';
import { Contention } from '../inventory/allocation/contention';
import { ContentionModes } from '../inventory/allocation/contention-modes';
import { Audit } from '../audit/audit';
import { adaptiveView } from './activity/contention-history';
import { auditType, contentionListType } from './overview/overview.responses';

@ApiTags('admin: operations')
@Controller('v1/admin')
@Roles('admin', 'viewer')
export class AdminController {
  constructor(
    private readonly audit: Audit,
    private readonly measured: Contention,
    private readonly modes: ContentionModes,
  ) {}

  @Get('invariants')
  @ApiOperation({ summary: 'Check every promise now', description: 'Each with the rows that break it.' })
  @Responses({ 200: auditType })
  runAudit() {
    return this.audit.run();
  }

  @Get('contention')
  @ApiOperation({
    summary: 'Contention per SKU and strategy',
    description:
      'Busiest first, over the last minute, as seen by the process that answers. `adaptive`: how such a SKU is taken at this moment, and why.',
  })
  @Responses({ 200: contentionListType })
  listContention(@Query('sku') sku?: string) {
    const data = this.measured.figures(sku).map(({ lockWait, ...one }) => ({
      ...one,
      lockWaitMs: lockWait,
      adaptive: adaptiveView(this.modes.modeOf(one.sku)),
    }));
    return { object: 'list' as const, data };
  }
}
