"""Other people's programs speak into a running daemon, and their words are looked for in the recordings."""
