terraform {
  required_version = ">= 1.5"
}

variable "release" {
  type    = string
  default = "1"
}

resource "terraform_data" "release" {
  input            = var.release
  triggers_replace = [var.release]
}

module "network" {
  source = "./network"
  zones  = ["a", "b"]
}

output "release" {
  value = terraform_data.release.output
}
