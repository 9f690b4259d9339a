output "url" {
  description = "The address of the test client page. It answers when Traefik and the lab run in the cluster."
  value       = "${local.tls ? "https" : "http"}://${aws_lb.lab.dns_name}"
}

output "kustomization" {
  description = "The content of kubernetes/kustomization.yaml, which adapts the lab's manifests to this cluster."
  value = templatefile("${path.module}/kubernetes/kustomization.yaml.tftpl", {
    registry  = local.registry
    data_cidr = local.data_cidr
  })
}

output "next_steps" {
  description = "The commands that install the lab in the cluster, to be run in the folder of the repository."
  value = templatefile("${path.module}/next-steps.tftpl", {
    region        = var.region
    name          = aws_eks_cluster.lab.name
    registry      = local.registry
    registry_host = split("/", local.registry)[0]
    version       = jsondecode(file("${path.module}/../../../package.json")).version
    platform      = var.ami_type == "AL2023_ARM_64_STANDARD" ? "linux/arm64" : "linux/amd64"
    valkey_secret = aws_secretsmanager_secret.valkey.arn
    valkey_user   = local.valkey_user
    valkey_host   = aws_elasticache_replication_group.lab.primary_endpoint_address
  })
}

output "postgresql" {
  description = "The address of the PostgreSQL database, and the secret in Secrets Manager with its user and password."
  value = one([for database in aws_db_instance.lab : {
    address    = database.address
    secret_arn = database.master_user_secret[0].secret_arn
  }])
}

locals {
  # The address of the registry, with the prefix of the repositories' names.
  registry = trimsuffix(aws_ecr_repository.lab["ws"].repository_url, "/ws")
}
