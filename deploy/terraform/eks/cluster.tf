resource "aws_iam_role" "cluster" {
  name = "${var.name}-cluster"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "eks.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "cluster" {
  role       = aws_iam_role.cluster.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"
}

# If this log group did not exist, EKS would create one that retains logs for ever.
resource "aws_cloudwatch_log_group" "cluster" {
  name              = "/aws/eks/${var.name}/cluster"
  retention_in_days = var.log_retention_days
}

# EKS encrypts all data of the Kubernetes API, which includes the Secrets, with a key that AWS owns.
resource "aws_eks_cluster" "lab" {
  name                          = var.name
  role_arn                      = aws_iam_role.cluster.arn
  version                       = var.kubernetes_version
  enabled_cluster_log_types     = ["audit", "authenticator"]
  bootstrap_self_managed_addons = false

  # Only the identity that creates the cluster has access to it. Add others with aws_eks_access_entry.
  access_config {
    authentication_mode                         = "API"
    bootstrap_cluster_creator_admin_permissions = true
  }

  vpc_config {
    subnet_ids              = [for subnet in aws_subnet.private : subnet.id]
    endpoint_private_access = true
    endpoint_public_access  = true
    public_access_cidrs     = var.administrator_cidrs
  }

  depends_on = [
    aws_cloudwatch_log_group.cluster,
    aws_iam_role_policy_attachment.cluster,
  ]
}

resource "aws_iam_role" "node" {
  name = "${var.name}-node"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ec2.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "node" {
  for_each = toset([
    "AmazonEKSWorkerNodePolicy",
    "AmazonEKS_CNI_Policy",
    "AmazonEC2ContainerRegistryPullOnly",
  ])

  role       = aws_iam_role.node.name
  policy_arn = "arn:aws:iam::aws:policy/${each.key}"
}

resource "aws_launch_template" "node" {
  name_prefix            = "${var.name}-node-"
  update_default_version = true

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_type           = "gp3"
      volume_size           = 30
      encrypted             = true
      delete_on_termination = true
    }
  }

  # With a hop limit of 1, only pods in the host's network, such as the network plugin, can obtain the node's credentials.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  tag_specifications {
    resource_type = "instance"

    tags = {
      Name = "${var.name}-node"
    }
  }
}

# Each zone has its own node group. The disk of a pod exists in one zone only, and the cluster autoscaler can only choose the zone of a new
# node by choosing a node group.
resource "aws_eks_node_group" "lab" {
  for_each = local.zones

  cluster_name    = aws_eks_cluster.lab.name
  node_group_name = "${var.name}-${each.key}"
  node_role_arn   = aws_iam_role.node.arn
  subnet_ids      = [aws_subnet.private[each.key].id]
  ami_type        = var.ami_type
  instance_types  = var.node_instance_types

  launch_template {
    id      = aws_launch_template.node.id
    version = aws_launch_template.node.latest_version
  }

  scaling_config {
    min_size     = var.nodes_per_zone.min
    max_size     = var.nodes_per_zone.max
    desired_size = var.nodes_per_zone.min
  }

  update_config {
    max_unavailable = 1
  }

  # The cluster autoscaler changes the number of nodes.
  lifecycle {
    ignore_changes = [scaling_config[0].desired_size]
  }

  # A node becomes ready only when it has a network plugin.
  depends_on = [
    aws_iam_role_policy_attachment.node,
    aws_eks_addon.before_nodes,
    aws_route.nat,
  ]
}

locals {
  # Add-ons that run one pod per node, with their configuration.
  addons_before_nodes = {
    # The lab's manifests contain network policies, which the network plugin enforces only with this option.
    vpc-cni                = { enableNetworkPolicy = "true" }
    kube-proxy             = {}
    eks-pod-identity-agent = {}
  }

  # Add-ons with Deployments, which become active only when there are nodes.
  addons_after_nodes = toset(["coredns", "metrics-server"])
}

resource "aws_eks_addon" "before_nodes" {
  for_each = local.addons_before_nodes

  cluster_name         = aws_eks_cluster.lab.name
  addon_name           = each.key
  configuration_values = length(each.value) == 0 ? null : jsonencode(each.value)
}

resource "aws_eks_addon" "after_nodes" {
  for_each = local.addons_after_nodes

  cluster_name = aws_eks_cluster.lab.name
  addon_name   = each.key

  depends_on = [aws_eks_node_group.lab]
}
