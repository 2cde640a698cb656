"""The command `wavstream`: one file a subcommand; each imports what it needs only when it is called."""
