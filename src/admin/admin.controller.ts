import { Controller, Get } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Answers, documented } from '../http/answers';
import { Roles } from '../http/auth';
import { Audit } from './audit';

const auditType = documented('Audit', {
  ok: true,
  checkedAt: '2026-11-20T10:00:00.000Z',
  invariants: [
    { id: 'I1', promise: 'Nothing is sold that is not there: 0 ≤ reserved ≤ on hand.', violations: [] },
  ],
});

@ApiTags('admin: operations')
@ApiBearerAuth()
@Controller('v1/admin')
@Roles('admin', 'viewer')
export class AdminController {
  constructor(private readonly audit: Audit) {}

  @Get('invariants')
  @ApiOperation({ summary: 'Check every promise now', description: 'Each with the rows that break it.' })
  @Answers({ 200: auditType })
  invariants() {
    return this.audit.run();
  }
}
