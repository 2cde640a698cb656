"""The calls: what exists, what is asked of them, what each change comes to, and how everything ends."""
