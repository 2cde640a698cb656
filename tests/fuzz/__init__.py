"""Programs that feed made-up bytes to what strangers can reach: only documented errors may come out.

`python -m tests.fuzz.NAME N` tries N inputs, those of `corpus/NAME/` first; `make fuzz` runs them all.
"""
