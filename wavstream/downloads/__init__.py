"""Downloads: finished files by their URL, running ones as a snapshot or live, and what there is."""
