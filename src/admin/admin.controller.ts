import { Controller, Get } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Roles } from '../http/auth';
import { Audit } from './audit';

@ApiTags('admin: operations')
@ApiBearerAuth()
@Controller('v1/admin')
@Roles('admin', 'viewer')
export class AdminController {
  constructor(private readonly audit: Audit) {}

  @Get('invariants')
  @ApiOperation({ summary: 'Check every promise now', description: 'Each with the rows that break it.' })
  invariants() {
    return this.audit.run();
  }
}
