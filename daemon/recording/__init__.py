"""One recording of a call: silence generator, audio forwarder and WebSocket sender around a timeline."""
