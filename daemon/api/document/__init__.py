"""What the API says of itself: OpenAPI 3.1 for programs, and a page for people, made from the same types."""
