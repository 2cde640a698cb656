"""How a call's audio arrives: one file a kind of leg, all giving the timeline the same thing."""
