output "serving_role_arn" {
  description = "The bot's role; trusted by deploy/broker-role.yaml in other accounts"
  value       = aws_cloudformation_stack.this.outputs["ServingRoleArn"]
}

output "administration_role_arn" {
  description = "The role that administrators assume to run studio-links"
  value       = aws_cloudformation_stack.this.outputs["AdministrationRoleArn"]
}

output "setup_role_arn" {
  description = "The role for studio-links tables create"
  value       = lookup(aws_cloudformation_stack.this.outputs, "SetupRoleArn", null)
}

output "revocation_role_arn" {
  description = "The role for studio-links revoke"
  value       = lookup(aws_cloudformation_stack.this.outputs, "RevocationRoleArn", null)
}

output "bot_token_secret_arn" {
  description = "The secret with the bot token, for SLACK_BOT_TOKEN=aws-secretsmanager://ARN#SLACK_BOT_TOKEN"
  value       = aws_cloudformation_stack.this.outputs["BotTokenSecretArn"]
}

output "log_group_name" {
  description = "The log of the bot"
  value       = aws_cloudformation_stack.this.outputs["LogGroupName"]
}

output "cluster_name" {
  description = "The ECS cluster"
  value       = aws_cloudformation_stack.this.outputs["ClusterName"]
}

output "service_name" {
  description = "The ECS service"
  value       = aws_cloudformation_stack.this.outputs["ServiceName"]
}

output "audit_bucket_name" {
  description = "The bucket of the audit's exports"
  value       = lookup(aws_cloudformation_stack.this.outputs, "AuditBucketName", null)
}

output "load_balancer_name" {
  description = "The target for the domain name in CertificateArn (a CNAME, or an alias in Route 53)"
  value       = lookup(aws_cloudformation_stack.this.outputs, "LoadBalancerName", null)
}
