"""What switches say over a WebSocket: one file a dialect, all giving the same events."""
