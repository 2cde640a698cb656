"""wavstream's tests."""
