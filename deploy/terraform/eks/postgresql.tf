# An optional PostgreSQL database for a service of your own. RDS generates the password and stores it in Secrets Manager.

resource "aws_security_group" "postgresql" {
  count = var.postgresql ? 1 : 0

  name        = "${var.name}-postgresql"
  description = "PostgreSQL"
  vpc_id      = aws_vpc.lab.id
}

resource "aws_vpc_security_group_ingress_rule" "postgresql_from_nodes" {
  count = var.postgresql ? 1 : 0

  security_group_id            = aws_security_group.postgresql[0].id
  description                  = "Pods"
  referenced_security_group_id = aws_eks_cluster.lab.vpc_config[0].cluster_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}

resource "aws_db_subnet_group" "lab" {
  count = var.postgresql ? 1 : 0

  name       = var.name
  subnet_ids = [for subnet in aws_subnet.data : subnet.id]
}

# PostgreSQL 15 and later refuse unencrypted connections by default (rds.force_ssl).
resource "aws_db_instance" "lab" {
  count = var.postgresql ? 1 : 0

  identifier                  = var.name
  engine                      = "postgres"
  engine_version              = "17"
  instance_class              = var.postgresql_instance_class
  db_name                     = "lab"
  username                    = "lab"
  manage_master_user_password = true
  storage_type                = "gp3"
  allocated_storage           = 20
  max_allocated_storage       = 100
  storage_encrypted           = true
  multi_az                    = true
  publicly_accessible         = false
  db_subnet_group_name        = aws_db_subnet_group.lab[0].name
  vpc_security_group_ids      = [aws_security_group.postgresql[0].id]
  backup_retention_period     = 7
  copy_tags_to_snapshot       = true
  final_snapshot_identifier   = "${var.name}-final"
}
