"""The lines that a call can be spoken into: a file each, one after the other's wire."""
