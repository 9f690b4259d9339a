# A Network Load Balancer in front of Traefik, which runs in the cluster and listens on a fixed port of every node. The load balancer
# forwards TCP connections, and therefore WebSockets; Traefik sets the sticky cookie. Terraform creates the load balancer, rather than a
# controller in the cluster, so that `terraform destroy` also deletes it.

locals {
  # The node port of Traefik's service, as in kubernetes/traefik.yaml.
  traefik_node_port = 30080
  tls               = var.certificate_arn != null
  public_port       = local.tls ? 443 : 80
}

resource "aws_security_group" "load_balancer" {
  name        = "${var.name}-load-balancer"
  description = "Clients of the load balancer"
  vpc_id      = aws_vpc.lab.id
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each = var.client_cidrs

  security_group_id = aws_security_group.load_balancer.id
  description       = "Clients"
  cidr_ipv4         = each.key
  ip_protocol       = "tcp"
  from_port         = local.public_port
  to_port           = local.public_port
}

resource "aws_vpc_security_group_egress_rule" "load_balancer_to_nodes" {
  security_group_id            = aws_security_group.load_balancer.id
  description                  = "Traefik on the nodes"
  referenced_security_group_id = aws_eks_cluster.lab.vpc_config[0].cluster_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = local.traefik_node_port
  to_port                      = local.traefik_node_port
}

# EKS attaches the cluster's security group to the nodes.
resource "aws_vpc_security_group_ingress_rule" "nodes_from_load_balancer" {
  security_group_id            = aws_eks_cluster.lab.vpc_config[0].cluster_security_group_id
  description                  = "Load balancer"
  referenced_security_group_id = aws_security_group.load_balancer.id
  ip_protocol                  = "tcp"
  from_port                    = local.traefik_node_port
  to_port                      = local.traefik_node_port
}

resource "aws_lb" "lab" {
  name               = var.name
  load_balancer_type = "network"
  security_groups    = [aws_security_group.load_balancer.id]
  subnets            = [for subnet in aws_subnet.public : subnet.id]

  depends_on = [aws_route.internet]
}

resource "aws_lb_target_group" "traefik" {
  name                 = "${var.name}-traefik"
  vpc_id               = aws_vpc.lab.id
  target_type          = "instance"
  protocol             = "TCP"
  port                 = local.traefik_node_port
  deregistration_delay = 60

  health_check {
    protocol            = "TCP"
    interval            = 10
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}

# The auto scaling group of each node group registers its nodes, and removes them before it terminates them.
resource "aws_autoscaling_attachment" "traefik" {
  for_each = aws_eks_node_group.lab

  autoscaling_group_name = each.value.resources[0].autoscaling_groups[0].name
  lb_target_group_arn    = aws_lb_target_group.traefik.arn
}

resource "aws_lb_listener" "lab" {
  load_balancer_arn = aws_lb.lab.arn
  port              = local.public_port
  protocol          = local.tls ? "TLS" : "TCP"
  certificate_arn   = var.certificate_arn
  ssl_policy        = local.tls ? "ELBSecurityPolicy-TLS13-1-2-2021-06" : null

  # The idle timeout of a TLS listener is 350 s and cannot be changed. The replicas send a ping every 30 s, so neither timeout is reached.
  tcp_idle_timeout_seconds = local.tls ? null : 3600

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.traefik.arn
  }
}
