"""Both programs under attack on this machine's loopback, while calls are recorded: `make attack`."""
