"""The daemon's HTTP: applications, the operator, health."""
