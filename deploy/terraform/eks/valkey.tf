# ElastiCache for Valkey: a primary and a replica in two zones, with TLS and a password, instead of the StatefulSet in the manifests.

resource "aws_security_group" "valkey" {
  name        = "${var.name}-valkey"
  description = "Valkey"
  vpc_id      = aws_vpc.lab.id
}

resource "aws_vpc_security_group_ingress_rule" "valkey_from_nodes" {
  security_group_id            = aws_security_group.valkey.id
  description                  = "Pods"
  referenced_security_group_id = aws_eks_cluster.lab.vpc_config[0].cluster_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 6379
  to_port                      = 6379
}

resource "aws_secretsmanager_secret" "valkey" {
  name_prefix             = "${var.name}/valkey-"
  description             = "Password of the user ${local.valkey_user} of Valkey"
  recovery_window_in_days = 0
}

ephemeral "aws_secretsmanager_random_password" "valkey" {
  password_length     = 64
  exclude_punctuation = true
}

# The arguments whose names end in `_wo` are write-only: the state does not contain their values.
resource "aws_secretsmanager_secret_version" "valkey" {
  secret_id                = aws_secretsmanager_secret.valkey.id
  secret_string_wo         = ephemeral.aws_secretsmanager_random_password.valkey.random_password
  secret_string_wo_version = var.valkey_password_version
}

# The password is read back, so that the user gets the stored password even if an earlier `terraform apply` was interrupted.
ephemeral "aws_secretsmanager_secret_version" "valkey" {
  secret_id  = aws_secretsmanager_secret_version.valkey.secret_id
  version_id = aws_secretsmanager_secret_version.valkey.version_id
}

locals {
  valkey_user = "ws"
}

resource "aws_elasticache_user" "ws" {
  user_id   = "${var.name}-ws"
  user_name = local.valkey_user
  engine    = "valkey"

  # The replicas use all keys and channels. Of the commands that Valkey classifies as dangerous, they need only INFO.
  access_string        = "on ~* &* +@all -@admin -@dangerous +info"
  passwords_wo         = ephemeral.aws_secretsmanager_secret_version.valkey.secret_string
  passwords_wo_version = var.valkey_password_version
}

resource "aws_elasticache_user_group" "lab" {
  user_group_id = var.name
  engine        = "valkey"
  user_ids      = [aws_elasticache_user.ws.user_id]
}

resource "aws_elasticache_subnet_group" "lab" {
  name       = var.name
  subnet_ids = [for subnet in aws_subnet.data : subnet.id]
}

# As in the lab, Valkey must refuse new data when its memory is full, rather than delete sessions.
resource "aws_elasticache_parameter_group" "lab" {
  name   = var.name
  family = "valkey8"

  parameter {
    name  = "maxmemory-policy"
    value = "noeviction"
  }
}

resource "aws_elasticache_replication_group" "lab" {
  replication_group_id       = var.name
  description                = "Rooms and sessions of the WebSocket replicas"
  engine                     = "valkey"
  engine_version             = "8.0"
  node_type                  = var.valkey_node_type
  num_cache_clusters         = 2
  automatic_failover_enabled = true
  multi_az_enabled           = true
  parameter_group_name       = aws_elasticache_parameter_group.lab.name
  subnet_group_name          = aws_elasticache_subnet_group.lab.name
  security_group_ids         = [aws_security_group.valkey.id]
  user_group_ids             = [aws_elasticache_user_group.lab.user_group_id]
  at_rest_encryption_enabled = true
  transit_encryption_enabled = true
  snapshot_retention_limit   = 1
  apply_immediately          = true
}
