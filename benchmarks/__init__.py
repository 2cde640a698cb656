"""Measurements of the audio path, as commands: `make bench` prints them all."""
