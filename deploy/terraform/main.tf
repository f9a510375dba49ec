locals {
  template = "${path.module}/../cloudformation.yaml"

  parameters = {
    Transport               = var.transport
    Image                   = var.image
    Replicas                = tostring(var.replicas)
    TablePrefix             = var.table_prefix
    TableKeyArn             = var.table_key_arn
    BotTokenSecretArn       = var.bot_token_secret_arn
    SlackSecretArn          = var.slack_secret_arn
    DomainArns              = join(",", var.domain_arns)
    ProfileArns             = join(",", var.profile_arns)
    BrokerRoleArns          = join(",", var.broker_role_arns)
    StudioExternalId        = var.studio_external_id
    SourceIps               = join(",", var.source_ips)
    SourceVpces             = join(",", var.source_vpces)
    AdministerInSlack       = tostring(var.administer_in_slack)
    AdministratorArn        = var.administrator_arn
    SetupArn                = var.setup_arn
    RevocationArn           = var.revocation_arn
    RevocationRoleArns      = join(",", var.revocation_role_arns)
    RequireMfa              = tostring(var.require_mfa)
    VpcId                   = var.vpc_id
    Subnets                 = join(",", var.subnets)
    AssignPublicIp          = var.assign_public_ip
    LoadBalancerSubnets     = join(",", var.load_balancer_subnets)
    CertificateArn          = var.certificate_arn
    RequestsPerFiveMinutes  = tostring(var.requests_per_five_minutes)
    AccessLogBucket         = var.access_log_bucket
    StudioTeams             = var.studio_teams
    StudioAdmins            = var.studio_admins
    StudioRequestChannel    = var.studio_request_channel
    StudioAuditChannel      = var.studio_audit_channel
    StudioLocale            = var.studio_locale
    StudioApprovals         = var.studio_approvals
    StudioApprovalsFile     = var.studio_approvals_file
    StudioSoleAdmin         = tostring(var.studio_sole_admin)
    StudioAllowGuests       = tostring(var.studio_allow_guests)
    StudioLinkHosts         = var.studio_link_hosts
    StudioPickLists         = var.studio_pick_lists
    StudioRunning           = tostring(var.studio_running)
    StudioRunningHours      = var.studio_running_hours
    StudioStopHours         = var.studio_stop_hours
    StudioRunningSummary    = tostring(var.studio_running_summary)
    StudioLinksPerMinute    = tostring(var.studio_links_per_minute)
    StudioRequestsPerMinute = tostring(var.studio_requests_per_minute)
    StudioSessionSeconds    = tostring(var.studio_session_seconds)
    StudioAuditDays         = tostring(var.studio_audit_days)
    AlarmTopicArn           = var.alarm_topic_arn
    LogRetentionDays        = tostring(var.log_retention_days)
    AuditExportDays         = tostring(var.audit_export_days)
    Cpu                     = tostring(var.cpu)
    Memory                  = tostring(var.memory)
    CpuArchitecture         = var.cpu_architecture
  }
}

data "aws_s3_bucket" "templates" {
  bucket = var.template_bucket
}

# Another template gets another key, so that the stack is updated.
resource "aws_s3_object" "template" {
  bucket = var.template_bucket
  key    = "${var.name}/${filesha256(local.template)}.yaml"
  source = local.template
}

resource "aws_cloudformation_stack" "this" {
  name         = var.name
  template_url = "https://${data.aws_s3_bucket.templates.bucket_regional_domain_name}/${aws_s3_object.template.key}"
  parameters   = local.parameters
  capabilities = ["CAPABILITY_IAM"]
  tags         = var.tags
}
