"""For all tests: the same examples each time, and no test that fails because the machine is slow."""

from hypothesis import settings

settings.register_profile("deterministic", deadline=None, derandomize=True)
settings.load_profile("deterministic")
