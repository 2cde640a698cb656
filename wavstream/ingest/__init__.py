"""Audio in, by WebSocket: one listener, two dialects."""
