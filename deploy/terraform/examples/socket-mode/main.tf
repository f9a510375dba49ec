# Two tasks over Socket Mode, in a network that the stack makes. docs/TERRAFORM.md says what has to exist.

terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

provider "aws" {
  region = var.region
}

variable "region" {
  description = "Region of the stack"
  type        = string
  default     = "eu-west-1"
}

variable "image_tag" {
  description = "Tag of the image in the repository studio-links, for the digest that it has at apply"
  type        = string
}

variable "template_bucket" {
  description = "A bucket in the region, for the template"
  type        = string
}

variable "domain_arn" {
  description = "The SageMaker domain"
  type        = string
}

data "aws_ecr_repository" "studio_links" {
  name = "studio-links"
}

data "aws_ecr_image" "studio_links" {
  repository_name = data.aws_ecr_repository.studio_links.name
  image_tag       = var.image_tag
}

data "aws_secretsmanager_secret" "bot_token" {
  name = "studio-links/bot-token"
}

data "aws_secretsmanager_secret" "slack" {
  name = "studio-links/slack"
}

module "studio_links" {
  # Elsewhere: git::https://git.example.com/studio-links.git//deploy/terraform?ref=v0.2.0
  source = "../.."

  template_bucket      = var.template_bucket
  transport            = "socket"
  image                = "${data.aws_ecr_repository.studio_links.repository_url}@${data.aws_ecr_image.studio_links.image_digest}"
  bot_token_secret_arn = data.aws_secretsmanager_secret.bot_token.arn
  slack_secret_arn     = data.aws_secretsmanager_secret.slack.arn
  domain_arns          = [var.domain_arn]
}

output "serving_role_arn" {
  description = "The bot's role"
  value       = module.studio_links.serving_role_arn
}

output "administration_role_arn" {
  description = "The role that administrators assume"
  value       = module.studio_links.administration_role_arn
}
