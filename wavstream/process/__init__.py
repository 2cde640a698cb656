"""What makes either program a well-behaved process: settings, logs, signals, readiness, a beat, HTTP."""
