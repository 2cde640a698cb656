"""wavstream killed in mid-work, again and again."""

from benchmarks import killing


async def test_kills_at_random_moments_neither_lose_nor_double_a_byte() -> None:
    """`python -m benchmarks.killing` does the same with twenty kills and fifty sessions."""
    await killing.main(kills=3, sessions=8, seed=7)
