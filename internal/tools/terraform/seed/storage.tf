data "aws_elb_service_account" "logs" {}

resource "aws_s3_bucket" "this" {
  bucket        = "hello-artifacts"
  acl           = "private"
  force_destroy = true
  tags          = local.tags

  versioning {
    enabled = var.changed
  }

  server_side_encryption_configuration {
    rule {
      apply_server_side_encryption_by_default {
        sse_algorithm = "AES256"
      }
    }
  }

  lifecycle_rule {
    id      = "old"
    enabled = true
    prefix  = "old/"

    expiration {
      days = var.changed ? 10 : 30
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Logs"
        Effect    = "Allow"
        Principal = { AWS = data.aws_elb_service_account.logs.arn }
        Action    = "s3:PutObject"
        Resource  = "${aws_s3_bucket.this.arn}/lb/*"
      },
      {
        Sid       = "TLS"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [aws_s3_bucket.this.arn, "${aws_s3_bucket.this.arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket                  = aws_s3_bucket.this.id
  block_public_acls       = true
  block_public_policy     = var.changed
  ignore_public_acls      = true
  restrict_public_buckets = false

  depends_on = [aws_s3_bucket_policy.this]
}

resource "aws_s3_bucket_object" "appspec" {
  bucket                 = aws_s3_bucket.this.id
  key                    = "deploy/appspec.json"
  content                = var.changed ? "{\"version\": 1}" : "{}"
  content_type           = "application/json"
  cache_control          = "no-store"
  acl                    = "bucket-owner-full-control"
  server_side_encryption = "AES256"
  tags                   = local.tags
}

resource "aws_ssm_parameter" "greeting" {
  name        = "/hello/greeting"
  type        = "SecureString"
  value       = var.changed ? "hi" : "hello"
  description = "What it says"
  tags        = local.tags
}

resource "aws_secretsmanager_secret" "database" {
  name                    = "hello/database"
  description             = var.changed ? "Database" : "Its password"
  recovery_window_in_days = 0
  tags                    = local.tags
}

resource "aws_secretsmanager_secret_version" "database" {
  secret_id     = aws_secretsmanager_secret.database.id
  secret_string = var.changed ? "two" : "one"
}
