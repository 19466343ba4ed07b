variable "zones" {
  type = list(string)
}

resource "terraform_data" "zone" {
  for_each = toset(var.zones)
  input    = each.key
}
