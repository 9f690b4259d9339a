variable "region" {
  description = "The AWS region, for example eu-central-1. Regions in China and GovCloud regions have other policy ARNs and are not supported."
  type        = string

  validation {
    condition     = can(regex("^(af|ap|ca|eu|il|me|mx|sa|us)-[a-z]+-[0-9]$", var.region)) && !startswith(var.region, "us-gov")
    error_message = "The region must be a name such as eu-central-1, outside China and GovCloud."
  }
}

variable "administrator_cidrs" {
  description = "The addresses from which kubectl and helm may reach the cluster's API, for example [\"203.0.113.7/32\"]."
  type        = set(string)

  validation {
    condition     = length(var.administrator_cidrs) > 0 && alltrue([for cidr in var.administrator_cidrs : can(cidrnetmask(cidr)) && !endswith(cidr, "/0")])
    error_message = "Each of the administrator_cidrs must be an IPv4 range such as 203.0.113.7/32, and not the whole internet."
  }
}

variable "client_cidrs" {
  description = "The addresses from which clients may reach the load balancer. The lab does not authenticate clients, so list only networks that you trust."
  type        = set(string)

  validation {
    condition     = length(var.client_cidrs) > 0 && alltrue([for cidr in var.client_cidrs : can(cidrnetmask(cidr))])
    error_message = "Each of the client_cidrs must be an IPv4 range such as 203.0.113.0/24."
  }
}

variable "name" {
  description = "The name of the cluster, which is also the prefix of the names of all other resources."
  type        = string
  default     = "ws-lab"

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.name)) && length(var.name) <= 20
    error_message = "The name must have at most 20 lower-case letters, digits and single hyphens, and start with a letter."
  }
}

variable "kubernetes_version" {
  description = "The version of Kubernetes. The lab's manifests need 1.30 or later."
  type        = string
  default     = "1.35"

  validation {
    condition     = can(regex("^1[.][0-9]+$", var.kubernetes_version)) && try(tonumber(split(".", var.kubernetes_version)[1]), 0) >= 30
    error_message = "The kubernetes_version must be 1.30 or later, without a patch version."
  }
}

variable "vpc_cidr" {
  description = "The address range of the VPC."
  type        = string
  default     = "10.0.0.0/16"

  validation {
    condition     = can(cidrnetmask(var.vpc_cidr)) && endswith(var.vpc_cidr, "/16")
    error_message = "The vpc_cidr must be an IPv4 range with the prefix length 16, such as 10.0.0.0/16."
  }
}

variable "zone_count" {
  description = "The number of availability zones."
  type        = number
  default     = 3

  validation {
    condition     = contains([2, 3], var.zone_count)
    error_message = "The zone_count must be 2 or 3."
  }
}

variable "nat_per_zone" {
  description = "Whether each zone has its own NAT gateway. If false, all zones use one NAT gateway, and lose their connection to the internet together with its zone."
  type        = bool
  default     = false
}

variable "node_instance_types" {
  description = "The EC2 instance types of the nodes, which must all have the architecture of ami_type, and similar sizes."
  type        = list(string)
  default     = ["m6i.large"]

  validation {
    condition     = length(var.node_instance_types) > 0 && alltrue([for type in var.node_instance_types : can(regex("^[a-z0-9-]+[.][a-z0-9]+$", type))])
    error_message = "Each of the node_instance_types must be a name such as m6i.large."
  }
}

variable "ami_type" {
  description = "The image of the nodes. Build the lab's container images for the same architecture."
  type        = string
  default     = "AL2023_x86_64_STANDARD"

  validation {
    condition     = contains(["AL2023_x86_64_STANDARD", "AL2023_ARM_64_STANDARD"], var.ami_type)
    error_message = "The ami_type must be AL2023_x86_64_STANDARD or AL2023_ARM_64_STANDARD."
  }
}

variable "nodes_per_zone" {
  description = "The limits between which the cluster autoscaler chooses the number of nodes in each zone."
  type = object({
    min = number
    max = number
  })
  default = {
    min = 1
    max = 3
  }

  validation {
    condition     = var.nodes_per_zone.min >= 1 && var.nodes_per_zone.max >= var.nodes_per_zone.min && var.nodes_per_zone.max <= 20
    error_message = "The nodes_per_zone need 1 <= min <= max <= 20."
  }
}

variable "certificate_arn" {
  description = "The ACM certificate with which the load balancer terminates TLS on port 443. If null, the load balancer accepts unencrypted connections on port 80."
  type        = string
  default     = null

  validation {
    condition     = var.certificate_arn == null || can(regex("^arn:aws:acm:[a-z0-9-]+:[0-9]{12}:certificate/", var.certificate_arn))
    error_message = "The certificate_arn must be the ARN of an ACM certificate, or null."
  }
}

variable "valkey_node_type" {
  description = "The instance type of the two Valkey nodes."
  type        = string
  default     = "cache.t4g.small"

  validation {
    condition     = startswith(var.valkey_node_type, "cache.")
    error_message = "The valkey_node_type must be a name such as cache.t4g.small."
  }
}

variable "valkey_password_version" {
  description = "Increase this number to replace the password of Valkey."
  type        = number
  default     = 1

  validation {
    condition     = var.valkey_password_version >= 1 && floor(var.valkey_password_version) == var.valkey_password_version
    error_message = "The valkey_password_version must be a whole number from 1."
  }
}

variable "postgresql" {
  description = "Whether to create a PostgreSQL database. The lab itself does not use one; your own service may."
  type        = bool
  default     = false
}

variable "postgresql_instance_class" {
  description = "The instance class of the PostgreSQL database."
  type        = string
  default     = "db.t4g.small"

  validation {
    condition     = startswith(var.postgresql_instance_class, "db.")
    error_message = "The postgresql_instance_class must be a name such as db.t4g.small."
  }
}

variable "log_retention_days" {
  description = "The number of days for which CloudWatch retains the logs of the control plane."
  type        = number
  default     = 14

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90], var.log_retention_days)
    error_message = "The log_retention_days must be 1, 3, 5, 7, 14, 30, 60 or 90."
  }
}
