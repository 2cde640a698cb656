"""What is in an exception group: for the places where errors become plain words."""

from collections.abc import Iterator


def leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    """The single errors in a group of groups, in their order."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from leaves(error)
        else:
            yield error


def words(error: BaseException) -> str:
    """An error on one line; its type where it has nothing to say."""
    return " ".join(str(error).split()) or type(error).__name__
