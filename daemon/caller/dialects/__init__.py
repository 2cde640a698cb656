"""What switches say of their calls' audio over a WebSocket: the sender's half, a file a dialect."""
