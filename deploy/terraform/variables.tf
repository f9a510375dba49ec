# The parameters of deploy/cloudformation.yaml, by their names and with their defaults. Its secret parameters are left out,
# because Terraform would keep them in its state: name secrets in bot_token_secret_arn and slack_secret_arn.

variable "name" {
  description = "Name of the stack"
  type        = string
  default     = "studio-links"

  validation {
    condition     = can(regex("^[a-zA-Z][a-zA-Z0-9-]{0,127}$", var.name))
    error_message = "name must begin with a letter, and have letters, digits and hyphens only."
  }
}

variable "template_bucket" {
  description = "An S3 bucket of yours in the stack's region, for the template: CloudFormation takes one of its size from S3 only"
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.template_bucket))
    error_message = "template_bucket must be the name of a bucket, without s3:// or an address."
  }
}

variable "tags" {
  description = "Tags of the stack and of what it has"
  type        = map(string)
  default     = {}
}

variable "transport" {
  description = "http: Slack calls the bot through a load balancer. socket: the bot connects to Slack; no inbound access."
  type        = string
  default     = "http"

  validation {
    condition     = contains(["http", "socket"], var.transport)
    error_message = "transport must be one of http, socket."
  }
}

variable "image" {
  description = "The container image by its digest, such as 123456789012.dkr.ecr.eu-west-1.amazonaws.com/studio-links@sha256:..."
  type        = string

  validation {
    condition     = can(regex("^\\S+@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image needs a digest, as in REPOSITORY@sha256:...: a tag could come to mean another image."
  }
}

variable "replicas" {
  description = "Number of tasks. 0 creates everything except the tasks."
  type        = number
  default     = 2

  validation {
    condition     = var.replicas >= 0 && var.replicas <= 10
    error_message = "replicas must be between 0 and 10."
  }
}

variable "table_prefix" {
  description = "Prefix of the tables access, audit and runtime."
  type        = string
  default     = "studio-links-"

  validation {
    condition     = can(regex("^[a-zA-Z0-9_.-]{0,200}$", var.table_prefix))
    error_message = "table_prefix must have at most 200 letters, digits, dots, underscores and hyphens."
  }
}

variable "table_key_arn" {
  description = "The KMS key that encrypts the tables. If empty, AWS's key for DynamoDB."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^(arn:[a-z-]+:kms:[a-z0-9-]+:\\d{12}:key/\\S+)?$", var.table_key_arn))
    error_message = "table_key_arn must be an ARN such as arn:aws:kms:REGION:ACCOUNT:key/ID."
  }
}

variable "bot_token_secret_arn" {
  description = "A Secrets Manager secret whose JSON has SLACK_BOT_TOKEN. The bot and its administrators read it."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:\\d{12}:secret:\\S+$", var.bot_token_secret_arn))
    error_message = "bot_token_secret_arn must be an ARN such as arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-AbCdEf."
  }
}

variable "slack_secret_arn" {
  description = "A Secrets Manager secret whose JSON has SLACK_SIGNING_SECRET or SLACK_APP_TOKEN. Only the bot reads it."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:\\d{12}:secret:\\S+$", var.slack_secret_arn))
    error_message = "slack_secret_arn must be an ARN such as arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-AbCdEf."
  }
}

variable "domain_arns" {
  description = "The SageMaker domains of this account that the bot makes links for. Empty if all are in other accounts."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for each in var.domain_arns : can(regex("^arn:[a-z-]+:sagemaker:[a-z0-9-]+:\\d{12}:domain/d-[a-z0-9-]+$", each))])
    error_message = "domain_arns must have ARNs such as arn:aws:sagemaker:REGION:ACCOUNT:domain/d-ID."
  }
}

variable "profile_arns" {
  description = "The user profiles in DomainArns that the bot may open. If empty, those tagged studio-links=yes."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for each in var.profile_arns : can(regex("^arn:[a-z-]+:sagemaker:[a-z0-9-]+:\\d{12}:user-profile/d-[a-z0-9-]+/[a-zA-Z0-9-]+$", each))])
    error_message = "profile_arns must have ARNs such as arn:aws:sagemaker:REGION:ACCOUNT:user-profile/d-ID/NAME."
  }
}

variable "broker_role_arns" {
  description = "Roles from deploy/broker-role.yaml that the bot may assume, for domains in other accounts."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for each in var.broker_role_arns : can(regex("^arn:[a-z-]+:iam::\\d{12}:role/\\S+$", each))])
    error_message = "broker_role_arns must have ARNs such as arn:aws:iam::ACCOUNT:role/NAME."
  }
}

variable "studio_external_id" {
  description = "STUDIO_EXTERNAL_ID, the same value as StudioExternalId in deploy/broker-role.yaml"
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^([A-Za-z0-9_+=,.@:/-]{2,})?$", var.studio_external_id)) && length(var.studio_external_id) <= 1224
    error_message = "studio_external_id must have 2 to 1224 letters, digits and characters of _+=,.@:/-."
  }
}

variable "source_ips" {
  description = "Addresses, such as 203.0.113.0/24, of the bot and of the members' browsers. If given, links work only there."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for each in var.source_ips : can(regex("^[0-9a-fA-F.:]+(/\\d{1,3})?$", each))])
    error_message = "source_ips must have addresses or networks such as 203.0.113.0/24."
  }
}

variable "source_vpces" {
  description = "VPC endpoints. If given, links also work through them, and without SourceIps through them alone."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for each in var.source_vpces : can(regex("^vpce-[0-9a-z]+$", each))])
    error_message = "source_vpces must have VPC endpoints such as vpce-0123456789abcdef0."
  }
}

variable "administer_in_slack" {
  description = "Whether the bot may write to the access table, for access requests and administration in Slack."
  type        = bool
  default     = false
}

variable "administrator_arn" {
  description = "The principal that may assume the administration role. If empty, this account's IAM policies decide."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^(arn:[a-z-]+:iam::\\d{12}:\\S+)?$", var.administrator_arn))
    error_message = "administrator_arn must be an ARN such as arn:aws:iam::ACCOUNT:role/NAME."
  }
}

variable "setup_arn" {
  description = "The principal of a role for `tables create`, not an administrator. If empty, the stack alone makes tables."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^(arn:[a-z-]+:iam::\\d{12}:\\S+)?$", var.setup_arn))
    error_message = "setup_arn must be an ARN such as arn:aws:iam::ACCOUNT:role/NAME."
  }
}

variable "revocation_arn" {
  description = "The principal of a role for `revoke`, not an administrator. If empty, there is no such role."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^(arn:[a-z-]+:iam::\\d{12}:\\S+)?$", var.revocation_arn))
    error_message = "revocation_arn must be an ARN such as arn:aws:iam::ACCOUNT:role/NAME."
  }
}

variable "revocation_role_arns" {
  description = "Roles of other accounts that the revocation role may assume, outputs of deploy/broker-role.yaml."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for each in var.revocation_role_arns : can(regex("^arn:[a-z-]+:iam::\\d{12}:role/\\S+$", each))])
    error_message = "revocation_role_arns must have ARNs such as arn:aws:iam::ACCOUNT:role/NAME."
  }
}

variable "require_mfa" {
  description = "Whether the roles for people need a session with MFA. IAM Identity Center's sessions never say so."
  type        = bool
  default     = true
}

variable "vpc_id" {
  description = "The VPC of Subnets. If both are empty, the stack makes a small network with an internet gateway."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^(vpc-[0-9a-z]+)?$", var.vpc_id))
    error_message = "vpc_id must be a VPC such as vpc-0123456789abcdef0."
  }
}

variable "subnets" {
  description = "Subnets of the tasks, in two availability zones. They need HTTPS access to Slack and AWS."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for each in var.subnets : can(regex("^subnet-[0-9a-z]+$", each))])
    error_message = "subnets must have subnets such as subnet-0123456789abcdef0."
  }
}

variable "assign_public_ip" {
  description = "ENABLED if Subnets have an internet gateway and no NAT gateway."
  type        = string
  default     = "DISABLED"

  validation {
    condition     = contains(["ENABLED", "DISABLED"], var.assign_public_ip)
    error_message = "assign_public_ip must be one of ENABLED, DISABLED."
  }
}

variable "load_balancer_subnets" {
  description = "For http: public subnets in two availability zones; empty if Subnets are public."
  type        = list(string)
  default     = []
}

variable "certificate_arn" {
  description = "For http: the ACM certificate of the address that Slack calls."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^(arn:[a-z-]+:acm:[a-z0-9-]+:\\d{12}:certificate/\\S+)?$", var.certificate_arn))
    error_message = "certificate_arn must be an ARN such as arn:aws:acm:REGION:ACCOUNT:certificate/ID."
  }
}

variable "requests_per_five_minutes" {
  description = "For http: requests that AWS WAF lets through from one address in five minutes, 10 or more. 0: no AWS WAF."
  type        = number
  default     = 10000

  validation {
    condition     = var.requests_per_five_minutes >= 0
    error_message = "requests_per_five_minutes must be 0 or more."
  }
}

variable "access_log_bucket" {
  description = "For http: a bucket for the load balancer's access logs, whose policy lets it write. If empty, no such logs."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?$", var.access_log_bucket))
    error_message = "access_log_bucket must be the name of a bucket, without s3:// or an address."
  }
}

variable "studio_teams" {
  description = "STUDIO_TEAMS"
  type        = string
  default     = ""
}

variable "studio_admins" {
  description = "STUDIO_ADMINS. Also set AdministerInSlack to true."
  type        = string
  default     = ""
}

variable "studio_request_channel" {
  description = "STUDIO_REQUEST_CHANNEL"
  type        = string
  default     = ""
}

variable "studio_audit_channel" {
  description = "STUDIO_AUDIT_CHANNEL"
  type        = string
  default     = ""
}

variable "studio_locale" {
  description = "STUDIO_LOCALE"
  type        = string
  default     = ""

  validation {
    condition     = contains(["", "en", "de"], var.studio_locale)
    error_message = "studio_locale must be one of en, de, or empty."
  }
}

variable "studio_approvals" {
  description = "STUDIO_APPROVALS"
  type        = string
  default     = "1"
}

variable "studio_approvals_file" {
  description = "STUDIO_APPROVALS_FILE. A path in the image, into which you have put the file."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^(/[A-Za-z0-9._/-]{1,200})?$", var.studio_approvals_file))
    error_message = "studio_approvals_file must be the path of a file in the image, such as /etc/studio-links/approvals.toml."
  }
}

variable "studio_sole_admin" {
  description = "STUDIO_SOLE_ADMIN"
  type        = bool
  default     = false
}

variable "studio_allow_guests" {
  description = "STUDIO_ALLOW_GUESTS"
  type        = bool
  default     = false
}

variable "studio_link_hosts" {
  description = "STUDIO_LINK_HOSTS. Needed in partitions other than aws, aws-us-gov and aws-cn."
  type        = string
  default     = ""
}

variable "studio_pick_lists" {
  description = "STUDIO_PICK_LISTS. With aws, the bot's role gets the permissions to list domains and user profiles."
  type        = string
  default     = ""

  validation {
    condition     = contains(["", "off", "mapped", "aws"], var.studio_pick_lists)
    error_message = "studio_pick_lists must be one of off, mapped, aws, or empty."
  }
}

variable "studio_running" {
  description = "STUDIO_RUNNING. Members and administrators see, stop and start apps; the roles get the permissions for it."
  type        = bool
  default     = false
}

variable "studio_running_hours" {
  description = "STUDIO_RUNNING_HOURS. Needs StudioRunning."
  type        = string
  default     = ""
}

variable "studio_stop_hours" {
  description = "STUDIO_STOP_HOURS. Needs StudioRunning."
  type        = string
  default     = ""
}

variable "studio_running_summary" {
  description = "STUDIO_RUNNING_SUMMARY. Needs StudioRunning and StudioAuditChannel."
  type        = bool
  default     = false
}

variable "studio_links_per_minute" {
  description = "STUDIO_LINKS_PER_MINUTE"
  type        = number
  default     = 5

  validation {
    condition     = var.studio_links_per_minute >= 1 && var.studio_links_per_minute <= 1000
    error_message = "studio_links_per_minute must be between 1 and 1000."
  }
}

variable "studio_requests_per_minute" {
  description = "STUDIO_REQUESTS_PER_MINUTE"
  type        = number
  default     = 10

  validation {
    condition     = var.studio_requests_per_minute >= 1 && var.studio_requests_per_minute <= 1000
    error_message = "studio_requests_per_minute must be between 1 and 1000."
  }
}

variable "studio_session_seconds" {
  description = "STUDIO_SESSION_SECONDS"
  type        = number
  default     = 14400

  validation {
    condition     = var.studio_session_seconds >= 1800 && var.studio_session_seconds <= 43200
    error_message = "studio_session_seconds must be between 1800 and 43200."
  }
}

variable "studio_audit_days" {
  description = "STUDIO_AUDIT_DAYS"
  type        = number
  default     = 400

  validation {
    condition     = var.studio_audit_days >= 1 && var.studio_audit_days <= 3650
    error_message = "studio_audit_days must be between 1 and 3650."
  }
}

variable "alarm_topic_arn" {
  description = "The SNS topic for alarms. If empty, alarms send no notification."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^(arn:[a-z-]+:sns:[a-z0-9-]+:\\d{12}:\\S+)?$", var.alarm_topic_arn))
    error_message = "alarm_topic_arn must be an ARN such as arn:aws:sns:REGION:ACCOUNT:NAME."
  }
}

variable "log_retention_days" {
  description = "Days for which CloudWatch keeps the bot's log"
  type        = number
  default     = 90

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653."
  }
}

variable "audit_export_days" {
  description = "Days for which nobody, not even the account's root, can delete a daily export of the audit. 0 for no export."
  type        = number
  default     = 0

  validation {
    condition     = var.audit_export_days >= 0 && var.audit_export_days <= 3650
    error_message = "audit_export_days must be between 0 and 3650."
  }
}

variable "cpu" {
  description = "Processor units of a task; 1024 are one processor"
  type        = number
  default     = 512

  validation {
    condition     = contains([256, 512, 1024, 2048], var.cpu)
    error_message = "cpu must be one of 256, 512, 1024, 2048."
  }
}

variable "memory" {
  description = "MiB of memory of a task"
  type        = number
  default     = 1024

  validation {
    condition     = contains([512, 1024, 2048, 4096], var.memory)
    error_message = "memory must be one of 512, 1024, 2048, 4096."
  }
}

variable "cpu_architecture" {
  description = "The architecture that the image was built for."
  type        = string
  default     = "X86_64"

  validation {
    condition     = contains(["X86_64", "ARM64"], var.cpu_architecture)
    error_message = "cpu_architecture must be one of X86_64, ARM64."
  }
}
