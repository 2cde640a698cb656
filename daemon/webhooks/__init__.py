"""Events on their way to the applications: signed, in order, to addresses that may be reached."""
