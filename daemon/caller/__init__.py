"""The far side of a call: speaks into legs in real time, one or many at once, and knows when it said what."""
